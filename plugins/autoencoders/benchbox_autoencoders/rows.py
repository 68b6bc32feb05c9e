"""Rows: ratings in compressed rows on a device, and batches cut from them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchbox import Grouped
from benchbox.states import State


@dataclass(frozen=True, eq=False, kw_only=True)
class Cells:
    """Which cells of some rows are meant, row by row.

    Attributes:
        offsets: Row *r* has the cells ``offsets[r]:offsets[r + 1]``, int64.
        places: Row per cell, int64.
        columns: Column per cell, int64.
        n_columns: Width of a row.
    """

    offsets: Tensor
    places: Tensor
    columns: Tensor
    n_columns: int

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def n_rows(self) -> int:
        """How many rows, with or without a cell."""
        return len(self.offsets) - 1

    @cached_property
    def flat(self) -> Tensor:
        """Place of each cell when rows are laid end to end."""
        return self.places * self.n_columns + self.columns

    @cached_property
    def by_column(self) -> tuple[Tensor, Tensor]:
        """The order that sorts the cells by column, and where each column starts."""
        order = torch.argsort(self.columns, stable=True)
        counts = self.columns.new_zeros(self.n_columns)
        # Not bincount, for which the host would wait for the device.
        counts.index_add_(0, self.columns, torch.ones_like(self.columns))
        return order, _starts(counts)

    def dense(self, values: Tensor) -> Tensor:
        """Return *values* at their cells and 0 elsewhere, ``(n_rows, n_columns)``."""
        flat = values.new_zeros(self.n_rows * self.n_columns)
        return flat.scatter_(0, self.flat, values).view(self.n_rows, self.n_columns)


@dataclass(frozen=True, eq=False, kw_only=True)
class Batch:
    """Some rows.

    Attributes:
        cells: Which are rated.
        values: Centred rating per cell.
        side: Side inputs per row, shape ``(n_rows, d)``; there may be none.
    """

    cells: Cells
    values: Tensor
    side: Tensor | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Rows:
    """Ratings in compressed rows on a device.

    Attributes:
        counts: Ratings per row, int64, on the CPU.
        offsets: Row *r* is ``offsets[r]:offsets[r + 1]``, int64.
        columns: Column per rating, int32.
        values: Centred rating per rating, float32.
        n_columns: Width of a row.
        side: Side inputs per row, shape ``(n_rows, d)``; there may be none.
    """

    counts: Tensor
    offsets: Tensor
    columns: Tensor
    values: Tensor
    n_columns: int
    side: Tensor | None = None

    @classmethod
    def from_grouped(
        cls,
        grouped: Grouped,
        values: NDArray[np.float32],
        device: str,
        side: NDArray[np.float32] | None = None,
    ) -> "Rows":
        """Move *grouped* to *device*, with *values* in place of its ratings.

        Args:
            grouped: Who rated what.
            values: One value per rating, in the order of the ungrouped ratings.
            device: Where the rows shall live.
            side: Side inputs per row.
        """
        offsets = grouped.offsets.astype(np.int64)
        return cls(
            counts=torch.from_numpy(np.diff(offsets)),
            offsets=torch.from_numpy(offsets).to(device),
            # Copies: ratings are read-only, which a tensor cannot be.
            columns=torch.from_numpy(grouped.indices.astype(np.int32)).to(device),
            values=torch.from_numpy(values[grouped.positions]).to(device),
            n_columns=grouped.n_columns,
            side=None if side is None else torch.from_numpy(side).to(device),
        )

    @classmethod
    def empty(cls, n_columns: int, n_side: int) -> "Rows":
        """Return no rows, of this width and with so many side inputs."""
        return cls(
            counts=torch.zeros(0, dtype=torch.int64),
            offsets=torch.zeros(1, dtype=torch.int64),
            columns=torch.zeros(0, dtype=torch.int32),
            values=torch.zeros(0),
            n_columns=n_columns,
            side=torch.zeros(0, n_side) if n_side else None,
        )

    @property
    def state(self) -> State:
        """All of it as arrays, to be kept."""
        tensors = {
            "counts": self.counts,
            "columns": self.columns,
            "values": self.values,
            "side": self.side,
        }
        arrays = {k: v.cpu().numpy() for k, v in tensors.items() if v is not None}
        return {**arrays, "n_columns": self.n_columns}

    @classmethod
    def from_state(cls, state: State) -> "Rows":
        """Return the rows that have `state`, on the CPU."""
        tensors = {k: torch.from_numpy(v) for k, v in state.items() if v.ndim}
        offsets = _starts(tensors["counts"])
        return cls(offsets=offsets, n_columns=int(state["n_columns"]), **tensors)

    def __len__(self) -> int:
        return len(self.counts)

    def batch(self, index: Tensor) -> Batch:
        """Return the rows named by *index*, which lies on the CPU, in that order."""
        # Counted here, so that the device need not be waited for.
        n_cells = int(self.counts[index].sum())
        index = index.to(self.values.device)
        first = self.offsets[index]
        offsets = _starts(self.offsets[index + 1] - first)
        places = torch.arange(len(index), device=index.device)
        places = places.repeat_interleave(offsets.diff(), output_size=n_cells)
        cells = torch.arange(n_cells, device=index.device)
        cells += (first - offsets[:-1]).index_select(0, places)
        return Batch(
            cells=Cells(
                offsets=offsets,
                places=places,
                columns=self.columns.index_select(0, cells).long(),
                n_columns=self.n_columns,
            ),
            values=self.values.index_select(0, cells),
            side=None if self.side is None else self.side.index_select(0, index),
        )


def _starts(counts: Tensor) -> Tensor:
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])

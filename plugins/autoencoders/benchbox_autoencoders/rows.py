"""Rows: ratings in compressed rows on a device, and batches cut from them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchbox import Grouped
from benchbox.models import State
from benchbox_autoencoders.cells import Batch, ByColumn, Cells, part_of

# Rated cells laid out at once: enough to have little to do per batch, few enough for
# some tens of megabytes.
_AT_ONCE = 1 << 20


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

    def side_of(self, index: Tensor) -> Tensor | None:
        """Return the side inputs of the rows named by *index*, if there are any."""
        return None if self.side is None else self.side.index_select(0, index)

    def batches(
        self, order: Tensor, size: int, by_column: bool = False
    ) -> Iterator[Batch]:
        """Yield the rows named by *order*, which lies on the CPU, *size* at a time.

        They are laid out for many batches at once, which are views: a device is waited
        for once, when *order* is copied there, and has little more to do per batch.

        Args:
            order: Which rows.
            size: Rows per batch; the last may have fewer.
            by_column: Whether cells shall be there column by column too.
        """
        counts, index = self.counts[order], order.to(self.values.device)
        n_batches = -(-len(order) // size)
        n_cells = max(int(counts.sum()) // max(1, n_batches), self.n_columns)
        at_once = size * max(1, _AT_ONCE // n_cells)
        for start in range(0, len(order), at_once):
            part = slice(start, start + at_once)
            yield from self._laid_out(counts[part], index[part], size, by_column)

    def _laid_out(
        self, counts: Tensor, index: Tensor, size: int, by_column: bool
    ) -> Iterator[Batch]:
        # Counted on the CPU, so that the device need not be waited for.
        ends = [0, *accumulate(int(part.sum()) for part in torch.split(counts, size))]
        firsts = self.offsets[index]
        lengths = self.offsets[index + 1] - firsts
        offsets = _starts(lengths)
        rows = torch.repeat_interleave(lengths, output_size=ends[-1])
        cells = torch.arange(ends[-1], device=index.device)
        cells += (firsts - offsets[:-1]).index_select(0, rows)
        columns = self.columns.index_select(0, cells).long()
        values, side = self.values.index_select(0, cells), self.side_of(index)
        # Divided row by row, of which there are fewer than cells.
        places = torch.arange(len(index), device=index.device)
        numbers = places // size
        places = (places - numbers * size).index_select(0, rows)
        whole = None
        if by_column:
            keys = (numbers * self.n_columns).index_select(0, rows) + columns
            n_keys = (len(ends) - 1) * self.n_columns
            whole = ByColumn.sorted_by(keys, n_keys, places)
        for number, (begin, end) in enumerate(pairwise(ends)):
            part, first = slice(begin, end), number * size
            yield Batch(
                cells=Cells(
                    offsets=part_of(offsets, number, size) - begin,
                    places=places[part],
                    columns=columns[part],
                    n_columns=self.n_columns,
                    by_column=whole and whole.part(number, self.n_columns, part),
                ),
                values=values[part],
                side=None if side is None else side[first : first + size],
            )


def _starts(counts: Tensor) -> Tensor:
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])

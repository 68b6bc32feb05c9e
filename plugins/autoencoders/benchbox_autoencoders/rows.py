"""Rows: ratings in compressed rows on a device, and batches cut from them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchbox import Grouped


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Batch:
    """Consecutive rows, as the list of their rated cells.

    Attributes:
        cells: Place of each rated cell, ``row * n_columns + column``, int64.
        values: Centred rating per cell, float32.
        n_rows: Rows in the batch, rated or not.
        n_columns: Width of a row.
    """

    cells: Tensor
    values: Tensor
    n_rows: int
    n_columns: int

    def dense(self, values: Tensor) -> Tensor:
        """Return *values* at their cells and 0 elsewhere, ``(n_rows, n_columns)``."""
        flat = values.new_zeros(self.n_rows * self.n_columns)
        flat[self.cells] = values
        return flat.view(self.n_rows, self.n_columns)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rows:
    """Ratings in compressed rows on a device.

    Attributes:
        offsets: Row *r* is ``offsets[r]:offsets[r + 1]``, int64, on the CPU.
        columns: Column per rating, int64.
        values: Centred rating per rating, float32.
        n_columns: Width of a row.
    """

    offsets: Tensor
    columns: Tensor
    values: Tensor
    n_columns: int

    @classmethod
    def from_grouped(
        cls, grouped: Grouped, values: NDArray[np.float32], device: str
    ) -> "Rows":
        """Move *grouped* to *device*, with *values* in place of its ratings.

        Args:
            grouped: Who rated what.
            values: One value per rating, in the order of the ungrouped ratings.
            device: Where the rows shall live.
        """
        return cls(
            offsets=torch.from_numpy(grouped.offsets.astype(np.int64)),
            # Copies: ratings are read-only, which a tensor cannot be.
            columns=torch.from_numpy(grouped.indices.astype(np.int64)).to(device),
            values=torch.from_numpy(values[grouped.positions]).to(device),
            n_columns=grouped.n_columns,
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, order: Tensor) -> "Rows":
        """Return the rows named by *order*, which lies on the CPU, in that order."""
        counts = self.offsets.diff()[order]
        offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        shift = self.offsets[order] - offsets[:-1]
        places = torch.arange(int(offsets[-1])) + shift.repeat_interleave(counts)
        places = places.to(self.columns.device)
        return Rows(
            offsets=offsets,
            columns=self.columns.index_select(0, places),
            values=self.values.index_select(0, places),
            n_columns=self.n_columns,
        )

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield batches of *size* rows in order; the last may be smaller."""
        counts = self.offsets.diff()
        within = (torch.arange(len(self)) % size).repeat_interleave(counts)
        cells = within.to(self.columns.device) * self.n_columns + self.columns
        for start in range(0, len(self), size):
            stop = min(start + size, len(self))
            part = slice(int(self.offsets[start]), int(self.offsets[stop]))
            yield Batch(
                cells=cells[part],
                values=self.values[part],
                n_rows=stop - start,
                n_columns=self.n_columns,
            )

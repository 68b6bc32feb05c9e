"""Rated cells of a batch, sorted by row and optionally also by column."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False, kw_only=True)
class ByColumn:
    """Cells of some rows, sorted by column and, within a column, by row.

    Attributes:
        offsets: Column *c* has cells ``offsets[c]:offsets[c + 1]``, int64, shape
            ``(n_columns + 1,)``.
        places: Row per cell, int64, shape ``(n_cells,)``.
        order: Position of each cell in the order by row, int64, shape ``(n_cells,)``.
    """

    offsets: Tensor
    places: Tensor
    order: Tensor

    @classmethod
    def sorted_by(cls, keys: Tensor, n_keys: int, places: Tensor) -> "ByColumn":
        """Return cells sorted by column.

        Args:
            keys: Column per cell, in the order by row.
            n_keys: Number of columns.
            places: Row per cell, in the order by row.
        """
        keys, order = torch.sort(keys, stable=True)
        # Not bincount, because the host would have to wait for the device.
        offsets = torch.searchsorted(keys, torch.arange(n_keys + 1, device=keys.device))
        return cls(offsets=offsets, places=places.index_select(0, order), order=order)

    def part(self, number: int, n_columns: int, cells: slice) -> "ByColumn":
        """Return the *cells* of batch *number*, if these are cells of many batches."""
        return ByColumn(
            offsets=part_of(self.offsets, number, n_columns) - cells.start,
            places=self.places[cells],
            order=self.order[cells] - cells.start,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Cells:
    """A selection of cells of some rows, sorted by row.

    Attributes:
        offsets: Row *r* has cells ``offsets[r]:offsets[r + 1]``, int64, shape
            ``(n_rows + 1,)``.
        places: Row per cell, int64, shape ``(n_cells,)``.
        columns: Column per cell, int64, shape ``(n_cells,)``.
        n_columns: Number of columns of a row.
        by_column: The same cells sorted by column, if that was asked for.
    """

    offsets: Tensor
    places: Tensor
    columns: Tensor
    n_columns: int
    by_column: ByColumn | None = None

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def n_rows(self) -> int:
        """Number of rows, including those without a cell."""
        return len(self.offsets) - 1

    @cached_property
    def flat(self) -> Tensor:
        """Position of each cell in the flattened matrix, shape ``(n_cells,)``."""
        return self.places * self.n_columns + self.columns

    def picked(self, whole: Tensor) -> Tensor:
        """Return the values of *whole* at these cells, shape ``(n_cells,)``.

        Args:
            whole: Shape ``(n_rows, n_columns)``.
        """
        return whole.view(-1).index_select(0, self.flat)

    def dense(self, values: Tensor) -> Tensor:
        """Return a matrix with *values* at these cells and 0 elsewhere.

        Its shape is ``(n_rows, n_columns)``.
        """
        flat = values.new_zeros(self.n_rows * self.n_columns)
        return flat.scatter_(0, self.flat, values).view(self.n_rows, self.n_columns)


@dataclass(frozen=True, eq=False, kw_only=True)
class Batch:
    """A batch of rows.

    Attributes:
        cells: The rated cells.
        values: Centred rating per cell, shape ``(n_cells,)``.
        side: Side inputs per row, shape ``(n_rows, d)``, if any.
    """

    cells: Cells
    values: Tensor
    side: Tensor | None = None


def part_of(offsets: Tensor, number: int, size: int) -> Tensor:
    """Return the offsets of part *number*, which has *size* rows or columns."""
    return offsets[number * size : (number + 1) * size + 1]

"""Cells: which cells of a batch are rated, row by row and column by column."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False, kw_only=True)
class ByColumn:
    """Cells of some rows, column by column, and row by row in each.

    Attributes:
        offsets: Column *c* has the cells ``offsets[c]:offsets[c + 1]``, int64.
        places: Row per cell, int64.
        order: Where each cell comes row by row, int64.
    """

    offsets: Tensor
    places: Tensor
    order: Tensor

    @classmethod
    def sorted_by(cls, keys: Tensor, n_keys: int, places: Tensor) -> "ByColumn":
        """Sort cells by *keys*, their columns, all of which are below *n_keys*.

        Args:
            keys: Column per cell, row by row.
            n_keys: How many columns there are.
            places: Row per cell, row by row.
        """
        keys, order = torch.sort(keys, stable=True)
        # Not bincount, for which the host would wait for the device.
        offsets = torch.searchsorted(keys, torch.arange(n_keys + 1, device=keys.device))
        return cls(offsets=offsets, places=places.index_select(0, order), order=order)

    def part(self, number: int, n_columns: int, cells: slice) -> "ByColumn":
        """Return the *cells* of batch *number*, where columns of many were sorted."""
        return ByColumn(
            offsets=part_of(self.offsets, number, n_columns) - cells.start,
            places=self.places[cells],
            order=self.order[cells] - cells.start,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Cells:
    """Which cells of some rows are meant, row by row.

    Attributes:
        offsets: Row *r* has the cells ``offsets[r]:offsets[r + 1]``, int64.
        places: Row per cell, int64.
        columns: Column per cell, int64.
        n_columns: Width of a row.
        by_column: The same cells column by column, where that was asked for.
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
        """How many rows, with or without a cell."""
        return len(self.offsets) - 1

    @cached_property
    def flat(self) -> Tensor:
        """Place of each cell when rows are laid end to end."""
        return self.places * self.n_columns + self.columns

    def picked(self, whole: Tensor) -> Tensor:
        """Return *whole*, of shape ``(n_rows, n_columns)``, at these cells."""
        return whole.view(-1).index_select(0, self.flat)

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


def part_of(offsets: Tensor, number: int, size: int) -> Tensor:
    """Return part *number* of *offsets*, with its end, *size* rows or columns long."""
    return offsets[number * size : (number + 1) * size + 1]

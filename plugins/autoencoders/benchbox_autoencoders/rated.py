"""Differentiable products with a matrix of ratings, computed at its rated cells.

They let a whole data set be one batch: time and memory follow the number of ratings,
not that of cells.
"""

from typing import Any

import torch
from torch import Tensor

from benchbox_autoencoders.cells import Cells
from benchbox_autoencoders.sparse import at_cells, by_column, by_row


def rated_product(cells: Cells, values: Tensor, weights: Tensor) -> Tensor:
    """Return ``X @ weights``, shape ``(n_rows, h)``, with gradients.

    Args:
        cells: Cells where *X* is not 0, sorted by column too.
        values: Values of *X* at these cells, shape ``(n_cells,)``.
        weights: Dense matrix, shape ``(n_columns, h)``.
    """
    product: Tensor = _Product.apply(cells, values, weights)  # type: ignore[no-untyped-call]
    return product


def rated_cells(cells: Cells, units: Tensor, weights: Tensor) -> Tensor:
    """Return ``units @ weights.T`` at *cells*, shape ``(n_cells,)``, with gradients.

    Args:
        cells: Cells to compute, sorted by column too.
        units: Dense matrix, shape ``(n_rows, h)``.
        weights: Dense matrix, shape ``(n_columns, h)``.
    """
    sums: Tensor = _AtCells.apply(cells, units, weights)  # type: ignore[no-untyped-call]
    return sums


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, cells: Cells, values: Tensor, weights: Tensor) -> Tensor:
        ctx.cells = cells
        ctx.save_for_backward(values, weights)
        return by_row(cells, values, weights)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[None, Tensor | None, Tensor]:
        values, weights = ctx.saved_tensors
        slope = slope.contiguous()
        back = at_cells(ctx.cells, slope, weights) if ctx.needs_input_grad[1] else None
        return None, back, by_column(ctx.cells, values, slope)


class _AtCells(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, cells: Cells, units: Tensor, weights: Tensor) -> Tensor:
        ctx.cells = cells
        ctx.save_for_backward(units, weights)
        return at_cells(cells, units, weights)

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> tuple[None, Tensor, Tensor]:
        units, weights = ctx.saved_tensors
        slopes = slopes.contiguous()
        back = by_row(ctx.cells, slopes, weights)
        return None, back, by_column(ctx.cells, slopes, units)

"""Differentiable products with a matrix of ratings, computed at its rated cells.

They let a whole data set be one batch: time and memory follow the number of ratings,
not that of cells.
"""

from typing import Any

import torch
from torch import Tensor

from benchbox_autoencoders.cells import Cells
from benchbox_autoencoders.sparse import at_cells, by_column, by_row

Context = torch.autograd.function.FunctionCtx


class RatedProduct(torch.autograd.Function):
    """``X @ weights``, for a matrix *X* that is 0 but at some cells.

    ``RatedProduct.apply(cells, values, weights)`` has shape ``(n_rows, h)``; cells must
    be sorted by column too. Values and weights get gradients.
    """

    @staticmethod
    def forward(ctx: Any, cells: Cells, values: Tensor, weights: Tensor) -> Tensor:
        """Return the product; weights have shape ``(n_columns, h)``."""
        ctx.cells = cells
        ctx.save_for_backward(values, weights)
        return by_row(cells, values, weights)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[None, Tensor | None, Tensor]:
        """Return the derivatives by values and weights, given that by the product."""
        values, weights = ctx.saved_tensors
        slope = slope.contiguous()
        back = at_cells(ctx.cells, slope, weights) if ctx.needs_input_grad[1] else None
        return None, back, by_column(ctx.cells, values, slope)


class RatedCells(torch.autograd.Function):
    """``units @ weights.T`` at some cells only, shape ``(n_cells,)``.

    ``RatedCells.apply(cells, units, weights)``; cells must be sorted by column too.
    """

    @staticmethod
    def forward(ctx: Any, cells: Cells, units: Tensor, weights: Tensor) -> Tensor:
        """Return the product; units are ``(n_rows, h)``, weights ``(n_columns, h)``."""
        ctx.cells = cells
        ctx.save_for_backward(units, weights)
        return at_cells(cells, units, weights)

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> tuple[None, Tensor, Tensor]:
        """Return the derivatives by units and weights, given those by the cells."""
        units, weights = ctx.saved_tensors
        slopes = slopes.contiguous()
        back = by_row(ctx.cells, slopes, weights)
        return None, back, by_column(ctx.cells, slopes, units)

"""Sparse: the products of the first and the last layer, at rated cells alone.

`F.embedding_bag` is a product of a sparse and a dense matrix on every device, and its
sums come in the same order every time. The product of two dense matrices at chosen
cells is the gradient by its ``per_sample_weights``, which torch offers as an operator.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbox_autoencoders.rows import Cells


def sparse_input(cells: Cells, values: Tensor, weights: Tensor) -> Tensor:
    """Return ``X @ weights``, shape ``(n_rows, h)``, differentiable by the weights.

    Args:
        cells: Which cells of *X* are rated.
        values: What *X* holds there.
        weights: Shape ``(n_columns, h)``.
    """
    product: Tensor = _SparseInput.apply(weights, values, cells)  # type: ignore[no-untyped-call]
    return product


def sampled_output(
    cells: Cells, hidden: Tensor, weights: Tensor, offsets: Tensor
) -> Tensor:
    """Return ``hidden @ weights.T + offsets`` at *cells*.

    Args:
        cells: Which cells.
        hidden: Shape ``(n_rows, h)``.
        weights: Shape ``(n_columns, h)``.
        offsets: Shape ``(n_columns,)``.
    """
    output: Tensor = _SampledOutput.apply(hidden, weights, offsets, cells)  # type: ignore[no-untyped-call]
    return output


def picked(cells: Cells, whole: Tensor) -> Tensor:
    """Return *whole*, of shape ``(n_rows, n_columns)``, at *cells*."""
    output: Tensor = _Picked.apply(whole, cells)  # type: ignore[no-untyped-call]
    return output


class _SparseInput(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, values: Tensor, cells: Cells) -> Tensor:
        ctx.save_for_backward(values)
        ctx.cells = cells
        return _by_row(cells, values, weights)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:
        (values,), (slope,) = ctx.saved_tensors, slopes
        return _by_column(ctx.cells, values, slope), None, None


class _SampledOutput(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weights: Tensor, offsets: Tensor, cells: Cells
    ) -> Tensor:
        ctx.save_for_backward(hidden, weights)
        ctx.cells = cells
        sums = _at_cells(cells, hidden, weights)
        return sums + offsets.index_select(0, cells.columns)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        (hidden, weights), (slope,) = ctx.saved_tensors, slopes
        ones = hidden.new_ones(len(hidden), 1)
        return (
            _by_row(ctx.cells, slope, weights),
            _by_column(ctx.cells, slope, hidden),
            _by_column(ctx.cells, slope, ones).view(-1),
            None,
        )


class _Picked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, whole: Tensor, cells: Cells) -> Tensor:
        ctx.cells = cells
        return whole.view(-1).index_select(0, cells.flat)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        # Cells differ, so there is nothing to add up, which would take longer.
        return ctx.cells.dense(slopes[0]), None


def _by_row(cells: Cells, values: Tensor, weights: Tensor) -> Tensor:
    """Return ``X @ weights``."""
    return F.embedding_bag(
        cells.columns,
        weights,
        cells.offsets,
        mode="sum",
        per_sample_weights=values,
        include_last_offset=True,
    )


def _by_column(cells: Cells, values: Tensor, units: Tensor) -> Tensor:
    """Return ``X.T @ units``."""
    order, starts = cells.by_column
    return F.embedding_bag(
        cells.places.index_select(0, order),
        units,
        starts,
        mode="sum",
        per_sample_weights=values.index_select(0, order),
        include_last_offset=True,
    )


def _at_cells(cells: Cells, units: Tensor, weights: Tensor) -> Tensor:
    """Return ``units[place] . weights[column]`` per cell."""
    sums: Tensor = torch.ops.aten._embedding_bag_per_sample_weights_backward(
        units, weights, cells.columns, cells.offsets, cells.places, 0
    )
    return sums

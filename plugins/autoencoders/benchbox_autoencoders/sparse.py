"""Sparse: the products of the first and the last layer, at rated cells alone.

`F.embedding_bag` is a product of a sparse and a dense matrix on every device, and its
sums come in the same order every time. The product of two dense matrices at chosen
cells is the gradient by its ``per_sample_weights``, which torch offers as an operator.
None of them is differentiable: `device` forms the gradients that it needs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbox_autoencoders.cells import Cells


def by_row(cells: Cells, values: Tensor, weights: Tensor) -> Tensor:
    """Return ``X @ weights``, shape ``(n_rows, h)``.

    Args:
        cells: Which cells of *X* are rated.
        values: What *X* holds there.
        weights: Shape ``(n_columns, h)``.
    """
    return _bags(cells.columns, cells.offsets, values, weights)


def by_column(cells: Cells, values: Tensor, units: Tensor) -> Tensor:
    """Return ``X.T @ units``, shape ``(n_columns, h)``.

    Args:
        cells: Which cells of *X* are rated, sorted by column too.
        values: What *X* holds there, row by row.
        units: Shape ``(n_rows, h)``.
    """
    columns = cells.by_column
    assert columns is not None
    values = values.index_select(0, columns.order)
    return _bags(columns.places, columns.offsets, values, units)


def at_cells(cells: Cells, units: Tensor, weights: Tensor) -> Tensor:
    """Return ``units @ weights.T`` at *cells*, shape ``(n_cells,)``.

    Args:
        cells: Which cells.
        units: Shape ``(n_rows, h)``.
        weights: Shape ``(n_columns, h)``.
    """
    sums: Tensor = torch.ops.aten._embedding_bag_per_sample_weights_backward(
        units, weights, cells.columns, cells.offsets, cells.places, 0
    )
    return sums


def _bags(index: Tensor, offsets: Tensor, values: Tensor, rows: Tensor) -> Tensor:
    return F.embedding_bag(
        index,
        # Else it would note down what a gradient needs, without one to come.
        rows.detach(),
        offsets,
        mode="sum",
        per_sample_weights=values,
        include_last_offset=True,
    )

"""Sparse products of the first and the last layer, computed only at rated cells.

`F.embedding_bag` multiplies a sparse and a dense matrix on every device, and always
sums in the same order. The product of two dense matrices at chosen cells is its
gradient by ``per_sample_weights``, for which torch has an operator. None of these
functions is differentiable; `device` computes the gradients that it needs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from benchbox_autoencoders.cells import Cells


def by_row(cells: Cells, values: Tensor, weights: Tensor) -> Tensor:
    """Return ``X @ weights``, shape ``(n_rows, h)``.

    Args:
        cells: The rated cells of *X*.
        values: Values of *X* at these cells, shape ``(n_cells,)``.
        weights: Dense matrix, shape ``(n_columns, h)``.
    """
    return _bags(cells.columns, cells.offsets, values, weights)


def by_column(cells: Cells, values: Tensor, units: Tensor) -> Tensor:
    """Return ``X.T @ units``, shape ``(n_columns, h)``.

    Args:
        cells: The rated cells of *X*, sorted by column too.
        values: Values of *X* at these cells, in the order by row, ``(n_cells,)``.
        units: Dense matrix, shape ``(n_rows, h)``.
    """
    columns = cells.by_column
    assert columns is not None
    values = values.index_select(0, columns.order)
    return _bags(columns.places, columns.offsets, values, units)


def at_cells(cells: Cells, units: Tensor, weights: Tensor) -> Tensor:
    """Return ``units @ weights.T`` at *cells*, shape ``(n_cells,)``.

    Args:
        cells: The cells to compute.
        units: Dense matrix, shape ``(n_rows, h)``.
        weights: Dense matrix, shape ``(n_columns, h)``.
    """
    sums: Tensor = torch.ops.aten._embedding_bag_per_sample_weights_backward(
        units, weights, cells.columns, cells.offsets, cells.places, 0
    )
    return sums


def _bags(index: Tensor, offsets: Tensor, values: Tensor, rows: Tensor) -> Tensor:
    return F.embedding_bag(
        index,
        # Detached, or torch would store what a gradient needs, which is never computed.
        rows.detach(),
        offsets,
        mode="sum",
        per_sample_weights=values,
        include_last_offset=True,
    )

"""CPU kernels of the dense route, where torch multiplies whole rows.

A batch is sorted by row. The kernels fill the rows, and turn the sums of the last layer
into derivatives.
"""

import numba
import numpy as np

from benchbox.models.training import kernel
from benchbox_autoencoders.kernels import error_and_slope


@kernel(parallel=True)
def fill_rows(firsts, counts, columns, values, starts, whole):  # type: ignore[no-untyped-def]
    """Set *whole* to *values* at rated cells, and to 0 elsewhere.

    Args:
        firsts: Position of each row's first cell in *columns*, shape ``(n_rows,)``.
        counts: Number of cells per row, shape ``(n_rows,)``.
        columns: Column per cell of the whole matrix.
        values: Value per cell.
        starts: Position of each row's first cell in *values*, shape ``(n_rows,)``.
        whole: Output, shape ``(n_rows, n_columns)`` or wider.
    """
    for r in numba.prange(whole.shape[0]):
        row, n_cells = whole[r], counts[r]
        at = columns[firsts[r] : firsts[r] + n_cells]
        values_of_row = values[starts[r] : starts[r] + n_cells]
        row[:] = 0
        for n in range(n_cells):
            # Unsigned, to avoid the check for negative indexes.
            row[np.uint32(at[n])] = values_of_row[n]


@kernel(parallel=True)
def outputs_to_slopes(  # type: ignore[no-untyped-def]
    firsts, counts, columns, targets, offsets, scale, activation, sums, losses
):
    """Replace the sums of the last layer by the derivatives of the loss by them.

    Args:
        firsts: Position of each row's first cell in *columns* and *targets*.
        counts: Number of cells per row, shape ``(n_rows,)``.
        columns: Column per cell of the whole matrix.
        targets: Centred rating per cell of the whole matrix.
        offsets: Offsets to add to the sums, shape ``(n_columns,)``.
        scale: Derivative of the loss by a cell's error, divided by that error.
        activation: As for `kernels.step_output`.
        sums: Shape ``(n_rows, n_columns)`` or wider; replaced by the derivatives, which
            are 0 at unrated cells.
        losses: Output: sum of squared errors per row, float64, shape ``(n_rows,)``.
    """
    for r in numba.prange(sums.shape[0]):
        row, n_cells = sums[r], counts[r]
        at = columns[firsts[r] : firsts[r] + n_cells]
        targets_of_row = targets[firsts[r] : firsts[r] + n_cells]
        slopes = np.empty(n_cells, sums.dtype)
        total = 0.0
        for n in range(n_cells):
            c = np.uint32(at[n])
            output = float(row[c] + offsets[c])
            error, slope = error_and_slope(output, targets_of_row[n], scale, activation)
            slopes[n] = slope
            total += error * error
        row[:] = 0
        for n in range(n_cells):
            row[np.uint32(at[n])] = slopes[n]
        losses[r] = total

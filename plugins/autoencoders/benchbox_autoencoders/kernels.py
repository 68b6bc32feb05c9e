"""CPU kernels for the first and the last layer of an autoencoder.

On the sparse route, a batch is sorted by column: column *c* has cells
``starts[c]:starts[c + 1]``, each with its row in the batch. So a column's weights are
read from memory once per step, however many rows rate it, while the hidden units of the
batch stay in the cache. Gradients are never stored: a column's gradient is complete
after its last cell, and its weights are updated immediately.

Each thread processes a range of columns and writes sums over rows to its own buffer. So
the same number of threads gives the same result, to the last byte.

On the dense route, torch multiplies whole rows, and a batch is sorted by row. Kernels
fill the rows, and turn the sums of the last layer into derivatives.

Rows of a batch may be padded, so that each starts at a cache line.
"""

from typing import Any, Literal

import numba
import numpy as np

# Sums may be reordered, so that they are vectorised; NaN and infinity stay valid.
_FAST = {"reassoc", "contract", "nsz", "arcp", "afn"}


def _jit(parallel: bool = False, inline: Literal["never", "always"] = "never") -> Any:
    # Compiled once per machine and cached on disk. Division by 0 gives infinity, as in
    # NumPy; Python would raise an error.
    return numba.njit(
        parallel=parallel,
        inline=inline,
        fastmath=_FAST,
        cache=True,
        error_model="numpy",
    )


# Updating a column takes as long as this number of cells (measured). Threads get equal
# shares of the total.
_CELLS_PER_COLUMN = 8


@_jit()
def by_column(offsets, columns, values, rows, n_columns, n_threads):  # type: ignore[no-untyped-def]
    """Return the cells of *rows*, sorted by column.

    Args:
        offsets: Row *r* of the whole matrix has cells ``offsets[r]:offsets[r + 1]``.
        columns: Column per cell of the whole matrix.
        values: Value per cell of the whole matrix.
        rows: Row indexes of the batch, in its order.
        n_columns: Number of columns of the matrix.
        n_threads: Number of threads that share the columns.

    Returns:
        Four arrays: ``starts`` of shape ``(n_columns + 1,)``; the row in the batch and
        the value of each cell; and ``bounds`` of shape ``(n_threads + 1,)``: thread *t*
        has columns ``bounds[t]:bounds[t + 1]``.
    """
    starts = np.zeros(n_columns + 1, np.int64)
    for r in rows:
        for k in range(offsets[r], offsets[r + 1]):
            starts[columns[k] + 1] += 1
    for c in range(n_columns):
        starts[c + 1] += starts[c]
    places = np.empty(starts[-1], np.int32)
    sorted_values = np.empty(starts[-1], values.dtype)
    following = starts[:-1].copy()
    for place, r in enumerate(rows):
        for k in range(offsets[r], offsets[r + 1]):
            to = following[columns[k]]
            following[columns[k]] = to + 1
            places[to] = place
            sorted_values[to] = values[k]
    bounds = np.full(n_threads + 1, n_columns)
    bounds[0] = 0
    whole, t = starts[-1] + _CELLS_PER_COLUMN * n_columns, 1
    for c in range(n_columns):
        while (
            t < n_threads
            and n_threads * (starts[c] + _CELLS_PER_COLUMN * c) >= t * whole
        ):
            bounds[t] = c
            t += 1
    return starts, places, sorted_values, bounds


@_jit(inline="always")
def _add(sums, factor, vector):  # type: ignore[no-untyped-def]
    for j in range(vector.shape[0]):
        sums[j] += factor * vector[j]


@_jit(inline="always")
def _dot(one, other):  # type: ignore[no-untyped-def]
    total = other.dtype.type(0)
    for j in range(other.shape[0]):
        total += one[j] * other[j]
    return total


@_jit(inline="always")
def _set_dots(dots, start, stop, places, units, weight):  # type: ignore[no-untyped-def]
    # Four sums at a time, because they do not wait for each other.
    fours = start + (stop - start) // 4 * 4
    for k in range(start, fours, 4):
        u0, u1 = units[places[k]], units[places[k + 1]]
        u2, u3 = units[places[k + 2]], units[places[k + 3]]
        d0 = d1 = d2 = d3 = weight.dtype.type(0)
        for j in range(weight.shape[0]):
            d0 += u0[j] * weight[j]
            d1 += u1[j] * weight[j]
            d2 += u2[j] * weight[j]
            d3 += u3[j] * weight[j]
        dots[k], dots[k + 1], dots[k + 2], dots[k + 3] = d0, d1, d2, d3
    for k in range(fours, stop):
        dots[k] = _dot(units[places[k]], weight)


@_jit(inline="always")
def _add_products(gradient, start, stop, places, factors, units):  # type: ignore[no-untyped-def]
    # Four cells at a time, so that the gradient is read and written once for all four.
    fours = start + (stop - start) // 4 * 4
    for k in range(start, fours, 4):
        f0, f1, f2, f3 = factors[k], factors[k + 1], factors[k + 2], factors[k + 3]
        u0, u1 = units[places[k]], units[places[k + 1]]
        u2, u3 = units[places[k + 2]], units[places[k + 3]]
        for j in range(gradient.shape[0]):
            gradient[j] += (f0 * u0[j] + f1 * u1[j]) + (f2 * u2[j] + f3 * u3[j])
    for k in range(fours, stop):
        _add(gradient, factors[k], units[places[k], : gradient.shape[0]])


@_jit()
def _add_up(parts, total):  # type: ignore[no-untyped-def]
    for r in range(total.shape[0]):
        for j in range(total.shape[1]):
            total[r, j] = parts[0, r, j]
        for t in range(1, parts.shape[0]):
            for j in range(total.shape[1]):
                total[r, j] += parts[t, r, j]


@_jit(parallel=True)
def encode(bounds, starts, places, values, weights, parts, product):  # type: ignore[no-untyped-def]
    """Set *product* to ``X @ weights`` for the sparse batch *X*.

    Args:
        bounds: Thread *t* processes columns ``bounds[t]:bounds[t + 1]``.
        starts: Column *c* has cells ``starts[c]:starts[c + 1]``.
        places: Row in the batch per cell.
        values: Value per cell.
        weights: Weights of the first layer, shape ``(n_columns, h)``.
        parts: Buffer, overwritten, shape ``(n_threads, n_rows, h)`` or wider.
        product: Output, shape ``(n_rows, h)``.
    """
    for t in numba.prange(parts.shape[0]):
        sums = parts[t]
        sums[:] = 0
        for c in range(bounds[t], bounds[t + 1]):
            weight = weights[c]
            for k in range(starts[c], starts[c + 1]):
                _add(sums[places[k]], values[k], weight)
    _add_up(parts, product)


@_jit(inline="always")
def _update(weight, gradient, mean, square, rates):  # type: ignore[no-untyped-def]
    ridge, shrink, keep1, add1, keep2, add2, step, root, eps = rates
    for j in range(weight.shape[0]):
        g = gradient[j] + ridge * weight[j]
        m = keep1 * mean[j] + add1 * g
        v = keep2 * square[j] + add2 * g * g
        mean[j] = m
        square[j] = v
        weight[j] = shrink * weight[j] - step * m / (np.sqrt(v) * root + eps)


@_jit(inline="always")
def _error_and_slope(output, target, scale, activation):  # type: ignore[no-untyped-def]
    """Return an output's error and the loss's derivative by its sum.

    Args:
        output: The sum, before the activation.
        target: What the output should be.
        scale: Derivative of the loss by the error, divided by the error.
        activation: As for `step_output`.
    """
    slope = float(scale)
    if activation == 1:
        output = 1 / (1 + np.exp(-output))
        slope = scale * output * (1 - output)
    elif activation == 2:
        output = np.tanh(output)
        slope = scale * (1 - output * output)
    error = output - target
    return error, error * slope


@_jit(parallel=True)
def step_output(  # type: ignore[no-untyped-def]
    bounds,
    starts,
    places,
    targets,
    hidden,
    weights,
    offsets,
    moments,
    offset_moments,
    scale,
    activation,
    rates,
    offset_rates,
    parts,
    back,
    losses,
    slopes,
    is_tied,
):
    """Update the last layer, and compute the gradient of the hidden units.

    Reconstructs each cell as ``f(hidden[row] . weights[column] + offsets[column])``.

    Args:
        bounds: Thread *t* processes columns ``bounds[t]:bounds[t + 1]``.
        starts: Column *c* has cells ``starts[c]:starts[c + 1]``.
        places: Row in the batch per cell.
        targets: Centred rating per cell.
        hidden: Last hidden layer, shape ``(n_rows, h)`` or wider.
        weights: Weights of the last layer, shape ``(n_columns, h)``; updated.
        offsets: Offsets of the last layer, shape ``(n_columns,)``; updated.
        moments: Moving mean and mean square of the gradients of ``weights``, shape
            ``(2, n_columns, h)``; updated.
        offset_moments: Moving mean and mean square of the gradients of ``offsets``,
            shape ``(2, n_columns)``; updated.
        scale: Derivative of the loss by a cell's error, divided by that error.
        activation: The function *f*: 0 is the identity, 1 the logistic function, 2
            tanh.
        rates: Constants of `_update` for the weights.
        offset_rates: Constants of `_update` for the offsets.
        parts: Buffer, overwritten, shape ``(n_threads, n_rows, h)`` or wider.
        back: Output: gradient of the hidden layer, shape ``(n_rows, h)``.
        losses: Output: sum of squared errors per thread, float64, ``(n_threads,)``.
        slopes: Output: derivative of the loss by each cell's sum.
        is_tied: Whether these are the weights of the first layer too; then they are
            not updated here, but by `step_input`.
    """
    for t in numba.prange(parts.shape[0]):
        sums = parts[t]
        sums[:] = 0
        gradient = np.empty(weights.shape[1], weights.dtype)
        offset_gradient = np.empty(1, weights.dtype)
        total = 0.0
        for c in range(bounds[t], bounds[t + 1]):
            weight = weights[c]
            offset_gradient[0] = 0
            _set_dots(slopes, starts[c], starts[c + 1], places, hidden, weight)
            for k in range(starts[c], starts[c + 1]):
                # Only the sum has the precision of the weights; the rest is one number
                # per cell, in float64.
                output = float(offsets[c] + slopes[k])
                error, slope = _error_and_slope(output, targets[k], scale, activation)
                total += error * error
                slopes[k] = slope
                offset_gradient[0] += slopes[k]
                _add(sums[places[k]], slopes[k], weight)
            if not is_tied:
                gradient[:] = 0
                _add_products(
                    gradient, starts[c], starts[c + 1], places, slopes, hidden
                )
                _update(weight, gradient, moments[0, c], moments[1, c], rates)
            one = slice(c, c + 1)
            _update(
                offsets[one],
                offset_gradient,
                offset_moments[0, one],
                offset_moments[1, one],
                offset_rates,
            )
        losses[t] = total
    _add_up(parts, back)


@_jit(parallel=True)
def step_input(  # type: ignore[no-untyped-def]
    bounds,
    starts,
    places,
    values,
    back,
    slopes,
    hidden,
    whole,
    weights,
    moments,
    rates,
):
    """Update the first layer, which is also the last one if weights are tied.

    The gradient is ``X.T @ back + E.T @ hidden + whole``, with sparse *X* and *E*. A
    term is left out if its first array has length 0.

    Args:
        bounds: Thread *t* processes columns ``bounds[t]:bounds[t + 1]``.
        starts: Column *c* has cells ``starts[c]:starts[c + 1]``.
        places: Row in the batch per cell.
        values: Input of the encoder per cell: *X*.
        back: Gradient of the first layer's output, shape ``(n_rows, h)`` or wider.
        slopes: Derivative of the loss by each cell's sum: *E*.
        hidden: Last hidden layer, shape ``(n_rows, h)`` or wider.
        whole: Gradient by a dense input, shape ``(n_columns, h)``.
        weights: Weights of the first layer, shape ``(n_columns, h)``; updated.
        moments: Moving mean and mean square of the gradients, shape
            ``(2, n_columns, h)``; updated.
        rates: Constants of `_update`.
    """
    for t in numba.prange(bounds.shape[0] - 1):
        gradient = np.empty(weights.shape[1], weights.dtype)
        for c in range(bounds[t], bounds[t + 1]):
            if whole.shape[0] > 0:
                gradient[:] = whole[c]
            else:
                gradient[:] = 0
            if values.shape[0] > 0:
                _add_products(gradient, starts[c], starts[c + 1], places, values, back)
            if slopes.shape[0] > 0:
                _add_products(
                    gradient, starts[c], starts[c + 1], places, slopes, hidden
                )
            _update(weights[c], gradient, moments[0, c], moments[1, c], rates)


@_jit(parallel=True)
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


@_jit(parallel=True)
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
        activation: As for `step_output`.
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
            error, slope = _error_and_slope(
                output, targets_of_row[n], scale, activation
            )
            slopes[n] = slope
            total += error * error
        row[:] = 0
        for n in range(n_cells):
            row[np.uint32(at[n])] = slopes[n]
        losses[r] = total


@_jit(parallel=True)
def step(n_parts, weights, gradient, moments, rates):  # type: ignore[no-untyped-def]
    """Update parameters by a complete gradient.

    Args:
        n_parts: Number of threads that share them.
        weights: The parameters, shape ``(n,)``; updated.
        gradient: Their gradient, shape ``(n,)``.
        moments: Moving mean and mean square of the gradients, shape ``(2, n)``;
            updated.
        rates: Constants of `_update`.
    """
    n = weights.shape[0]
    for t in numba.prange(n_parts):
        part = slice(t * n // n_parts, (t + 1) * n // n_parts)
        _update(
            weights[part], gradient[part], moments[0, part], moments[1, part], rates
        )

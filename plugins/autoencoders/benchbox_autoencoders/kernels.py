"""CPU kernels for the first and the last layer of an autoencoder, at rated cells.

A batch is sorted by column (see `column_kernels`): column *c* has cells
``starts[c]:starts[c + 1]``, each with its row in the batch. So a column's weights are
read from memory once per step, however many rows rate it, while the hidden units of the
batch stay in the cache. Gradients are never stored: a column's gradient is complete
after its last cell, and its weights are updated immediately.

Each thread processes a range of columns and writes sums over rows to its own buffer. So
the same number of threads gives the same result, to the last byte.

A layer is one array of shape ``(n_columns, 3, width)``: the weights of a column, the
moving mean of their gradients and that of their squares, next to each other. All three
are needed at once, and the CPU loads one piece of memory faster than three. Units are
padded with zeros to whole cache lines, which stay zeros.
"""

import numba
import numpy as np

from benchbox.models.training import kernel, prefetch

# Units whose next column is asked for while they are updated: four cache lines of each
# array in float32, few enough that the CPU does not wait for room to note them down.
_AT_ONCE = 64

# Columns between the one that is computed and the one that is asked for.
_AHEAD = 4


@kernel(inline="always")
def _add(sums, factor, vector, width):  # type: ignore[no-untyped-def]
    for j in range(width):
        sums[j] += factor * vector[j]


@kernel(inline="always")
def _dot(one, other, width):  # type: ignore[no-untyped-def]
    total = other.dtype.type(0)
    for j in range(width):
        total += one[j] * other[j]
    return total


@kernel(inline="always")
def _set_dots(dots, start, stop, places, units, weight, width):  # type: ignore[no-untyped-def]
    # Four sums at a time, because they do not wait for each other.
    fours = start + (stop - start) // 4 * 4
    for k in range(start, fours, 4):
        u0, u1 = units[places[k]], units[places[k + 1]]
        u2, u3 = units[places[k + 2]], units[places[k + 3]]
        d0 = d1 = d2 = d3 = weight.dtype.type(0)
        for j in range(width):
            d0 += u0[j] * weight[j]
            d1 += u1[j] * weight[j]
            d2 += u2[j] * weight[j]
            d3 += u3[j] * weight[j]
        dots[k], dots[k + 1], dots[k + 2], dots[k + 3] = d0, d1, d2, d3
    for k in range(fours, stop):
        dots[k] = _dot(units[places[k]], weight, width)


@kernel(inline="always")
def _add_products(gradient, start, stop, places, factors, units, width):  # type: ignore[no-untyped-def]
    # Four cells at a time, so that the gradient is read and written once for all four.
    fours = start + (stop - start) // 4 * 4
    for k in range(start, fours, 4):
        f0, f1, f2, f3 = factors[k], factors[k + 1], factors[k + 2], factors[k + 3]
        u0, u1 = units[places[k]], units[places[k + 1]]
        u2, u3 = units[places[k + 2]], units[places[k + 3]]
        for j in range(width):
            gradient[j] += (f0 * u0[j] + f1 * u1[j]) + (f2 * u2[j] + f3 * u3[j])
    for k in range(fours, stop):
        _add(gradient, factors[k], units[places[k]], width)


@kernel(inline="always")
def _add_to_rows(sums, start, stop, places, factors, vector, width):  # type: ignore[no-untyped-def]
    # Two rows at a time, because they do not wait for each other.
    twos = start + (stop - start) // 2 * 2
    for k in range(start, twos, 2):
        f0, f1 = factors[k], factors[k + 1]
        s0, s1 = sums[places[k]], sums[places[k + 1]]
        for j in range(width):
            s0[j] += f0 * vector[j]
            s1[j] += f1 * vector[j]
    for k in range(twos, stop):
        _add(sums[places[k]], factors[k], vector, width)


@kernel(inline="always")
def _add_up(parts, r, total):  # type: ignore[no-untyped-def]
    """Set row *r* of *total* to the sum of those of *parts*."""
    for j in range(total.shape[1]):
        total[r, j] = parts[0, r, j]
    for t in range(1, parts.shape[0]):
        for j in range(total.shape[1]):
            total[r, j] += parts[t, r, j]


@kernel(parallel=True)
def encode(bounds, columns, starts, places, values, layer, width, parts, product):  # type: ignore[no-untyped-def]
    """Set *product* to ``X @ weights`` for the sparse batch *X*.

    Args:
        bounds: Thread *t* processes ``columns[bounds[t]:bounds[t + 1]]``.
        columns: Columns of the batch, shape ``(n,)``.
        starts: The column ``columns[i]`` has cells ``starts[i]:starts[i + 1]``.
        places: Row in the batch per cell.
        values: Value per cell.
        layer: The first layer, shape ``(n_columns, 3, width)`` or wider.
        width: Number of hidden units, rounded up to whole cache lines.
        parts: Buffer, overwritten, shape ``(n_threads, n_rows, width)`` or wider.
        product: Output, as wide as *parts*.
    """
    for t in numba.prange(parts.shape[0]):
        sums = parts[t]
        sums[:] = 0
        for i in range(bounds[t], bounds[t + 1]):
            following = columns[min(i + _AHEAD, bounds[t + 1] - 1)]
            prefetch(layer[following], 0, 0, width)
            weight = layer[columns[i], 0]
            _add_to_rows(sums, starts[i], starts[i + 1], places, values, weight, width)
    for r in numba.prange(product.shape[0]):
        _add_up(parts, r, product)


@kernel(inline="always")
def _update(weight, gradient, mean, square, rates):  # type: ignore[no-untyped-def]
    ridge, shrink, keep1, add1, keep2, add2, step, root, eps = rates
    for j in range(weight.shape[0]):
        g = gradient[j] + ridge * weight[j]
        m = keep1 * mean[j] + add1 * g
        v = keep2 * square[j] + add2 * g * g
        mean[j] = m
        square[j] = v
        weight[j] = shrink * weight[j] - step * m / (np.sqrt(v) * root + eps)


@kernel(inline="always")
def _update_unrated(weight, mean, square, rates):  # type: ignore[no-untyped-def]
    """Do the same as `_update` with a gradient of 0."""
    ridge, shrink, keep1, add1, keep2, add2, step, root, eps = rates
    for j in range(weight.shape[0]):
        g = ridge * weight[j]
        m = keep1 * mean[j] + add1 * g
        v = keep2 * square[j] + add2 * g * g
        mean[j] = m
        square[j] = v
        weight[j] = shrink * weight[j] - step * m / (np.sqrt(v) * root + eps)


@kernel(inline="always")
def _constants(rates, n):  # type: ignore[no-untyped-def]
    return (
        rates[n, 0],
        rates[n, 1],
        rates[n, 2],
        rates[n, 3],
        rates[n, 4],
        rates[n, 5],
        rates[n, 6],
        rates[n, 7],
        rates[n, 8],
    )


@kernel(inline="always")
def _take(first, stop, weight, gradient, mean, square, rates):  # type: ignore[no-untyped-def]
    """Take steps ``first:stop`` of a column; only the first has a gradient."""
    _update(weight, gradient, mean, square, _constants(rates, first))
    for n in range(first + 1, stop):
        _update_unrated(weight, mean, square, _constants(rates, n))


@kernel(inline="always")
def _take_all(first, stop, layer, c, following, gradient, rates):  # type: ignore[no-untyped-def]
    """Take the steps of column *c*, and ask for column *following* on the way."""
    for begin in range(0, gradient.shape[0], _AT_ONCE):
        end = min(begin + _AT_ONCE, gradient.shape[0])
        for part in range(3):
            prefetch(layer[following], part, begin, end)
        _take(
            first,
            stop,
            layer[c, 0, begin:end],
            gradient[begin:end],
            layer[c, 1, begin:end],
            layer[c, 2, begin:end],
            rates,
        )


@kernel(inline="always")
def error_and_slope(output, target, scale, activation):  # type: ignore[no-untyped-def]
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


@kernel(parallel=True)
def step_output(  # type: ignore[no-untyped-def]
    bounds,
    columns,
    steps,
    starts,
    places,
    targets,
    hidden,
    layer,
    offsets,
    scale,
    activation,
    rates,
    offset_rates,
    width,
    parts,
    back,
    losses,
    slopes,
    is_tied,
):
    """Update the last layer, and compute the gradient of the hidden units.

    Reconstructs each cell as ``f(hidden[row] . weights[column] + offsets[column])``.

    Args:
        bounds: Thread *t* processes ``columns[bounds[t]:bounds[t + 1]]``.
        columns: Columns that take a step with the batch, shape ``(n,)``.
        steps: The column ``columns[i]`` takes steps ``steps[0, i]:steps[1, i]``.
        starts: The column ``columns[i]`` has cells ``starts[i]:starts[i + 1]``.
        places: Row in the batch per cell.
        targets: Centred rating per cell.
        hidden: Last hidden layer, shape ``(n_rows, width)`` or wider, padded with 0.
        layer: The last layer, shape ``(n_columns, 3, width)`` or wider; updated.
        offsets: Offsets of the last layer and the moments of their gradients, shape
            ``(n_columns, 3, 1)``; updated.
        scale: Derivative of the loss by a cell's error, divided by that error.
        activation: The function *f*: 0 is the identity, 1 the logistic function, 2
            tanh.
        rates: Constants of `_update` for the weights, by step, shape ``(n, 9)``.
        offset_rates: Constants of `_update` for the offsets, by step.
        width: Number of hidden units, rounded up to whole cache lines.
        parts: Buffer, overwritten, shape ``(n_threads, n_rows, width)`` or wider.
        back: Output: gradient of the hidden layer, as wide as *parts*.
        losses: Output: sum of squared errors per thread, float64, ``(n_threads,)``.
        slopes: Output: derivative of the loss by each cell's sum.
        is_tied: Whether this is the first layer too; then weights are not updated here,
            but by `step_input`.
    """
    for t in numba.prange(parts.shape[0]):
        sums = parts[t]
        sums[:] = 0
        gradient = np.empty(width, layer.dtype)
        offset_gradient = np.empty(1, layer.dtype)
        total = 0.0
        for i in range(bounds[t], bounds[t + 1]):
            c = columns[i]
            following = columns[min(i + _AHEAD, bounds[t + 1] - 1)]
            weight = layer[c, 0]
            offset_gradient[0] = 0
            start, stop = starts[i], starts[i + 1]
            _set_dots(slopes, start, stop, places, hidden, weight, width)
            for k in range(start, stop):
                # Only the sum has the precision of the weights; the rest is one number
                # per cell, in float64.
                output = float(offsets[c, 0, 0] + slopes[k])
                error, slope = error_and_slope(output, targets[k], scale, activation)
                total += error * error
                slopes[k] = slope
                offset_gradient[0] += slopes[k]
            _add_to_rows(sums, start, stop, places, slopes, weight, width)
            if is_tied:
                prefetch(layer[following], 0, 0, width)
            else:
                gradient[:] = 0
                _add_products(gradient, start, stop, places, slopes, hidden, width)
                _take_all(
                    steps[0, i],
                    steps[1, i],
                    layer,
                    c,
                    following,
                    gradient,
                    rates,
                )
            _take(
                steps[0, i],
                steps[1, i],
                offsets[c, 0],
                offset_gradient,
                offsets[c, 1],
                offsets[c, 2],
                offset_rates,
            )
        losses[t] = total
    for r in numba.prange(back.shape[0]):
        _add_up(parts, r, back)


@kernel(parallel=True)
def step_input(  # type: ignore[no-untyped-def]
    bounds,
    columns,
    steps,
    starts,
    places,
    values,
    back,
    slopes,
    hidden,
    whole,
    layer,
    width,
    rates,
):
    """Update the first layer, which is also the last one if weights are tied.

    The gradient is ``X.T @ back + E.T @ hidden + whole``, with sparse *X* and *E*. A
    term is left out if its first array has length 0.

    Args:
        bounds: Thread *t* processes ``columns[bounds[t]:bounds[t + 1]]``.
        columns: Columns that take a step with the batch, shape ``(n,)``.
        steps: The column ``columns[i]`` takes steps ``steps[0, i]:steps[1, i]``.
        starts: The column ``columns[i]`` has cells ``starts[i]:starts[i + 1]``.
        places: Row in the batch per cell.
        values: Input of the encoder per cell: *X*.
        back: Gradient of the first layer's output, shape ``(n_rows, width)`` or wider,
            padded with 0.
        slopes: Derivative of the loss by each cell's sum: *E*.
        hidden: Last hidden layer, shape ``(n_rows, width)`` or wider, padded with 0.
        whole: Gradient by a dense input, shape ``(n_columns, h)``.
        layer: The first layer, shape ``(n_columns, 3, width)`` or wider; updated.
        width: Number of hidden units, rounded up to whole cache lines.
        rates: Constants of `_update` by step, shape ``(n, 9)``.
    """
    for t in numba.prange(bounds.shape[0] - 1):
        gradient = np.empty(width, layer.dtype)
        for i in range(bounds[t], bounds[t + 1]):
            c = columns[i]
            following = columns[min(i + _AHEAD, bounds[t + 1] - 1)]
            start, stop = starts[i], starts[i + 1]
            gradient[:] = 0
            if whole.shape[0] > 0:
                for j in range(whole.shape[1]):
                    gradient[j] = whole[c, j]
            if values.shape[0] > 0:
                _add_products(gradient, start, stop, places, values, back, width)
            if slopes.shape[0] > 0:
                _add_products(gradient, start, stop, places, slopes, hidden, width)
            _take_all(steps[0, i], steps[1, i], layer, c, following, gradient, rates)


@kernel(parallel=True)
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

"""CPU kernels for the first and the last layer of an autoencoder, at rated cells.

A batch is sorted by column (see `column_kernels`): column *c* has cells
``starts[c]:starts[c + 1]``, each with its row in the batch. So a column's weights are
read from memory once per step, however many rows rate it, while the hidden units of the
batch stay in the cache. Gradients are never stored: a column's gradient is complete
after its last cell, and its weights are updated immediately.

Each thread processes a range of columns and writes sums over rows to its own buffer. So
the same number of threads gives the same result, to the last byte.

Rows of a batch may be padded, so that each starts at a cache line.
"""

import numba
import numpy as np

from benchbox_autoencoders.compiled import jit
from benchbox_autoencoders.prefetch_kernels import prefetch


@jit(inline="always")
def _add(sums, factor, vector):  # type: ignore[no-untyped-def]
    for j in range(vector.shape[0]):
        sums[j] += factor * vector[j]


@jit(inline="always")
def _dot(one, other):  # type: ignore[no-untyped-def]
    total = other.dtype.type(0)
    for j in range(other.shape[0]):
        total += one[j] * other[j]
    return total


@jit(inline="always")
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


@jit(inline="always")
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


@jit(inline="always")
def _after(c, stop, steps):  # type: ignore[no-untyped-def]
    """Return the next column up to *stop* that takes a step."""
    c += 1
    while c < stop and steps[0, c] == steps[1, c]:
        c += 1
    return c


@jit()
def _add_up(parts, total):  # type: ignore[no-untyped-def]
    for r in range(total.shape[0]):
        for j in range(total.shape[1]):
            total[r, j] = parts[0, r, j]
        for t in range(1, parts.shape[0]):
            for j in range(total.shape[1]):
                total[r, j] += parts[t, r, j]


@jit(parallel=True)
def encode(bounds, steps, starts, places, values, weights, parts, product):  # type: ignore[no-untyped-def]
    """Set *product* to ``X @ weights`` for the sparse batch *X*.

    Args:
        bounds: Thread *t* processes columns ``bounds[t]:bounds[t + 1]``.
        steps: Steps that each column takes, from `steps_of`, shape ``(2, n_columns)``.
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
        c = _after(bounds[t] - 1, bounds[t + 1], steps)
        while c < bounds[t + 1]:
            following = _after(c, bounds[t + 1], steps)
            if following < bounds[t + 1]:
                prefetch(weights, following)
            weight = weights[c]
            for k in range(starts[c], starts[c + 1]):
                _add(sums[places[k]], values[k], weight)
            c = following
    _add_up(parts, product)


@jit(inline="always")
def _update(weight, gradient, mean, square, rates):  # type: ignore[no-untyped-def]
    ridge, shrink, keep1, add1, keep2, add2, step, root, eps = rates
    for j in range(weight.shape[0]):
        g = gradient[j] + ridge * weight[j]
        m = keep1 * mean[j] + add1 * g
        v = keep2 * square[j] + add2 * g * g
        mean[j] = m
        square[j] = v
        weight[j] = shrink * weight[j] - step * m / (np.sqrt(v) * root + eps)


@jit(inline="always")
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


@jit(inline="always")
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


@jit(inline="always")
def _take(first, stop, weight, gradient, mean, square, rates):  # type: ignore[no-untyped-def]
    """Take steps ``first:stop`` of a column; only the first has a gradient."""
    _update(weight, gradient, mean, square, _constants(rates, first))
    for n in range(first + 1, stop):
        _update_unrated(weight, mean, square, _constants(rates, n))


@jit(inline="always")
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


@jit(parallel=True)
def step_output(  # type: ignore[no-untyped-def]
    bounds,
    steps,
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
        steps: Steps that each column takes, from `steps_of`, shape ``(2, n_columns)``.
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
        rates: Constants of `_update` for the weights, by step, shape ``(n, 9)``.
        offset_rates: Constants of `_update` for the offsets, by step.
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
        c = _after(bounds[t] - 1, bounds[t + 1], steps)
        while c < bounds[t + 1]:
            following = _after(c, bounds[t + 1], steps)
            if following < bounds[t + 1]:
                prefetch(weights, following)
                if not is_tied:
                    prefetch(moments[0], following)
                    prefetch(moments[1], following)
            first, stop = steps[0, c], steps[1, c]
            weight = weights[c]
            offset_gradient[0] = 0
            _set_dots(slopes, starts[c], starts[c + 1], places, hidden, weight)
            for k in range(starts[c], starts[c + 1]):
                # Only the sum has the precision of the weights; the rest is one number
                # per cell, in float64.
                output = float(offsets[c] + slopes[k])
                error, slope = error_and_slope(output, targets[k], scale, activation)
                total += error * error
                slopes[k] = slope
                offset_gradient[0] += slopes[k]
                _add(sums[places[k]], slopes[k], weight)
            if not is_tied:
                gradient[:] = 0
                _add_products(
                    gradient, starts[c], starts[c + 1], places, slopes, hidden
                )
                mean, square = moments[0, c], moments[1, c]
                _take(first, stop, weight, gradient, mean, square, rates)
            one = slice(c, c + 1)
            _take(
                first,
                stop,
                offsets[one],
                offset_gradient,
                offset_moments[0, one],
                offset_moments[1, one],
                offset_rates,
            )
            c = following
        losses[t] = total
    _add_up(parts, back)


@jit(parallel=True)
def step_input(  # type: ignore[no-untyped-def]
    bounds,
    steps,
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
        steps: Steps that each column takes, from `steps_of`, shape ``(2, n_columns)``.
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
        rates: Constants of `_update` by step, shape ``(n, 9)``.
    """
    for t in numba.prange(bounds.shape[0] - 1):
        gradient = np.empty(weights.shape[1], weights.dtype)
        c = _after(bounds[t] - 1, bounds[t + 1], steps)
        while c < bounds[t + 1]:
            following = _after(c, bounds[t + 1], steps)
            if following < bounds[t + 1]:
                prefetch(weights, following)
                prefetch(moments[0], following)
                prefetch(moments[1], following)
            first, stop = steps[0, c], steps[1, c]
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
            mean, square = moments[0, c], moments[1, c]
            _take(first, stop, weights[c], gradient, mean, square, rates)
            c = following


@jit(parallel=True)
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

"""One compiled sweep over the coefficients of a block, one factor after the other.

Given all else, the residual of rating *r* is linear in a coefficient: its derivative is
the weight of the coefficient's fact in the block's row times ``x[r]``, the sum of the
other blocks' factors (1 for biases). So a normal posterior needs two sums per row, of
``x * x`` and of ``x * residual``, and these follow the draws of facts that many rows
share. Ratings are read once per factor, and facts twice.

Each row's numbers are computed by one thread, so results are the same to the last byte,
whatever the number of threads.
"""

import numba
import numpy as np

from benchbox.models.training import kernel


@kernel()
def _subtract(errors, xs, step):  # type: ignore[no-untyped-def]
    for r in range(errors.shape[0]):
        errors[r] -= step * xs[r]


@kernel()
def _gather(xs, rows, table):  # type: ignore[no-untyped-def]
    for r in range(xs.shape[0]):
        xs[r] = table[rows[r]]


@kernel()
def _gather_more(xs, rows, table):  # type: ignore[no-untyped-def]
    for r in range(xs.shape[0]):
        xs[r] += table[rows[r]]


@kernel()
def _sums(xs, errors):  # type: ignore[no-untyped-def]
    weight = np.float32(0)
    total = np.float32(0)
    for r in range(errors.shape[0]):
        weight += xs[r] * xs[r]
        total += xs[r] * errors[r]
    return weight, total


@kernel(inline="always")
def _moved(value, weight, total, noise, mean, precision, normal):  # type: ignore[no-untyped-def]
    """Draw a coefficient from its posterior; return how far it moves from *value*."""
    known = precision + noise * weight
    centre = (noise * (total + weight * value) + precision * mean) / known
    return centre + normal / np.sqrt(known) - value


@kernel()
def _draw_history(scaled, starts, rows, values, moves, normals, mean, precision, noise):  # type: ignore[no-untyped-def]
    """Draw the coefficients of what rows have rated, or of who has rated them.

    Args:
        scaled: The two sums per row, in units of the row's weight, ``(n_rows, 2)``.
        starts: Fact *f* is in ``rows[starts[f]:starts[f + 1]]``.
        rows: Rows of all facts.
        values: Coefficients, replaced by the drawn ones.
        moves: Receives how far each coefficient moved.
        normals: A standard normal number per fact.
        mean: Mean of the coefficients' distribution.
        precision: Inverse variance of that distribution.
        noise: Inverse variance of the ratings' noise.
    """
    for f in range(starts.shape[0] - 1):
        mine = rows[starts[f] : starts[f + 1]]
        weight = np.float32(0)
        total = np.float32(0)
        for j in range(mine.shape[0]):
            weight += scaled[mine[j], 0]
            total += scaled[mine[j], 1]
        moved = _moved(values[f], weight, total, noise, mean, precision, normals[f])
        values[f] += moved
        moves[f] = moved
        for j in range(mine.shape[0]):
            scaled[mine[j], 1] -= moved * scaled[mine[j], 0]


@kernel()
def _draw_side(sums, side, values, normals, means, precisions, noise):  # type: ignore[no-untyped-def]
    """Draw the coefficients of static facts, with a distribution per kind of fact."""
    for f in range(side.starts.shape[0] - 1):
        weight = np.float32(0)
        total = np.float32(0)
        for j in range(side.starts[f], side.starts[f + 1]):
            x, row = side.weights[j], side.rows[j]
            weight += x * x * sums[row, 0]
            total += x * sums[row, 1]
        g = side.groups[f]
        mean, precision = means[g], precisions[g]
        moved = _moved(values[f], weight, total, noise, mean, precision, normals[f])
        values[f] += moved
        for j in range(side.starts[f], side.starts[f + 1]):
            step, row = side.weights[j] * moved, side.rows[j]
            sums[row, 1] -= step * sums[row, 0]
            sums[row, 2] += step


@kernel(parallel=True)
def sweep(block, first, second, coefficients, normals, prior, noise, errors, xs):  # type: ignore[no-untyped-def]
    """Draw each coefficient of a block once, given all others.

    Args:
        block: The block's `Block`.
        first: Factors of the block that ``first`` points to, ``(1 + k, m)``.
        second: Factors of the block that ``second`` points to, if any.
        coefficients: The block's `Coefficients`, replaced by the drawn ones.
        normals: Standard normal numbers, shaped like *coefficients*.
        prior: Distributions of the coefficients, a `Prior`.
        noise: Inverse variance of the ratings' noise, float32.
        errors: Residual per rating, in the order of the block; kept up to date.
        xs: Memory for a number per rating.

    Returns:
        The sum of the squared residuals at the end.
    """
    width, n = coefficients.sums.shape
    # Parallel loops cannot take a record that holds another one.
    bounds, offsets, scales = block.bounds, block.offsets, block.history.scales
    first_rows, second_rows = block.first, block.second
    own, row_sums, own_normals = coefficients.own, coefficients.sums, normals.own
    own_means, own_precisions = prior.means[0], prior.precisions[0]
    has_history = len(scales) > 0
    # Per row: the two sums, and how far the row's own sum of coefficients moved.
    sums = np.empty((n, 3), np.float32)
    scaled = np.empty((len(scales), 2), np.float32)
    moves = np.empty(coefficients.history.shape[1], np.float32)
    squares = np.empty(n, np.float64)
    for k in range(width + 1):
        for part in numba.prange(len(bounds) - 1):
            for row in range(bounds[part], bounds[part + 1]):
                start, stop = offsets[row], offsets[row + 1]
                residuals, x = errors[start:stop], xs[start:stop]
                if k == 0:
                    x[:] = 1
                else:
                    # What was drawn for the previous factor.
                    step = sums[row, 2]
                    if has_history:
                        extra = np.float32(0)
                        for r in range(start, stop):
                            extra += moves[first_rows[r]]
                        step += scales[row] * extra
                    row_sums[k - 1, row] += step
                    _subtract(residuals, x, step)
                    if k == width:
                        squares[row] = _sums(residuals, residuals)[0]
                        continue
                    _gather(x, first_rows[start:stop], first[k])
                    if len(second_rows) > 0:
                        _gather_more(x, second_rows[start:stop], second[k])
                weight, total = _sums(x, residuals)
                mean, precision = own_means[k], own_precisions[k]
                value, normal = own[k, row], own_normals[k, row]
                moved = _moved(value, weight, total, noise, mean, precision, normal)
                own[k, row] += moved
                total -= moved * weight
                sums[row, 0], sums[row, 1], sums[row, 2] = weight, total, moved
        if k == width:
            break
        means, precisions = prior.means[:, k], prior.precisions[:, k]
        _draw_side(
            sums,
            block.side,
            coefficients.side[k],
            normals.side[k],
            means,
            precisions,
            noise,
        )
        if has_history:
            for row in range(n):
                scaled[row, 0] = scales[row] * scales[row] * sums[row, 0]
                scaled[row, 1] = scales[row] * sums[row, 1]
            _draw_history(
                scaled,
                block.history.starts,
                block.history.rows,
                coefficients.history[k],
                moves,
                normals.history[k],
                means[1],
                precisions[1],
                noise,
            )
    return squares.sum()


@kernel(parallel=True)
def to_block(positions, bounds, by_user, by_row):  # type: ignore[no-untyped-def]
    """Copy a number per rating from the order of users to that of a block."""
    for part in numba.prange(len(bounds) - 1):
        for r in range(bounds[part], bounds[part + 1]):
            by_row[r] = by_user[positions[r]]


@kernel(parallel=True)
def from_block(positions, bounds, by_row, by_user):  # type: ignore[no-untyped-def]
    """Copy a number per rating from the order of a block to that of users."""
    for part in numba.prange(len(bounds) - 1):
        for r in range(bounds[part], bounds[part + 1]):
            by_user[positions[r]] = by_row[r]

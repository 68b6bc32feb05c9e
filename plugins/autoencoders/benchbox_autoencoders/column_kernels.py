"""CPU kernels that sort a batch by column, and say which steps a column takes with it.

A batch that does not rate a column changes it all the same: moments fade, and weights
follow them and decay. Such a step needs no gradient, and nobody reads the weights until
a batch rates the column again. So the steps up to that batch are taken at once, while
the weights are in the cache. A column is then read and written once per batch that
rates it, and not once per step.
"""

import numba
import numpy as np

from benchbox.models.training import kernel

MOST_AHEAD = 64
"""Batches that are looked at together: a bit per batch."""

# Reading and writing a column takes as long as this number of cells, and so does each
# of its steps (measured). Threads get equal shares of the total.
_CELLS_PER_COLUMN = 4
_CELLS_PER_STEP = 4


@kernel()
def rated_by(offsets, columns, order, batch_size, rated):  # type: ignore[no-untyped-def]
    """Set bit *t* of each column of *rated* if batch *t* rates it.

    Args:
        offsets: Row *r* of the whole matrix has cells ``offsets[r]:offsets[r + 1]``.
        columns: Column per cell of the whole matrix.
        order: Row indexes of up to `MOST_AHEAD` batches.
        batch_size: Rows per batch.
        rated: Output, uint64, shape ``(n_columns,)``.
    """
    rated[:] = 0
    for k in range(order.shape[0]):
        bit = np.uint64(1) << np.uint64(k // batch_size)
        for cell in range(offsets[order[k]], offsets[order[k] + 1]):
            rated[np.uint32(columns[cell])] |= bit


@kernel()
def _next_rated(rated, t, n_batches):  # type: ignore[no-untyped-def]
    """Return the first batch from *t* on that rates a column; *n_batches* if none."""
    left = rated >> np.uint64(t) if t < n_batches else np.uint64(0)
    if left == 0:
        return n_batches
    while not left & np.uint64(1):
        left >>= np.uint64(1)
        t += 1
    return t


@kernel()
def steps_of(rated, t, n_batches):  # type: ignore[no-untyped-def]
    """Return which steps the columns take with batch *t* of *n_batches*.

    A column that the batch rates takes its step, and those of the following batches
    until one rates it again. Steps before the first batch that rates a column are taken
    with any of these batches; which one depends on the column, so that all have as much
    to do.

    Args:
        rated: Batches that rate each column, from `rated_by`, shape ``(n_columns,)``.
        t: Number of the batch, from 0.
        n_batches: Number of batches.

    Returns:
        Shape ``(2, n_columns)``: column *c* takes steps ``steps[0, c]:steps[1, c]``.
    """
    steps = np.zeros((2, rated.shape[0]), np.int32)
    for c in range(rated.shape[0]):
        if rated[c] >> np.uint64(t) & np.uint64(1):
            steps[0, c] = t
            steps[1, c] = _next_rated(rated[c], t + 1, n_batches)
        else:
            first = _next_rated(rated[c], 0, n_batches)
            if t < first and t == c % first:
                steps[1, c] = first
    return steps


@kernel(parallel=True)
def sort_by_column(  # type: ignore[no-untyped-def]
    offsets,
    columns,
    values,
    order,
    batch_size,
    rated,
    first,
    n_together,
    ends,
    listed,
    steps,
    starts,
    places,
    targets,
    bounds,
):
    """Sort the cells of some batches by column, each batch by one thread.

    Args:
        offsets: Row *r* of the whole matrix has cells ``offsets[r]:offsets[r + 1]``.
        columns: Column per cell of the whole matrix.
        values: Value per cell of the whole matrix.
        order: Row indexes of the batches, one batch after another.
        batch_size: Rows per batch; the last one may have fewer.
        rated: Batches that rate each column, from `rated_by`, shape ``(n_columns,)``.
        first: Number of the first of these batches, as `rated` counts them.
        n_together: Number of batches of *rated*.
        ends: Batch *b* of these has cells ``ends[b]:ends[b + 1]`` of *places* and
            *targets*.
        listed: Output: columns that take a step with the batch, in ascending order,
            shape ``(n_batches, n_columns)``; the rest is undefined.
        steps: Output: the steps that they take, shape ``(n_batches, 2, n_columns)``.
        starts: Output: column ``listed[b, i]`` has cells ``starts[b, i]:starts[b, i +
            1]`` of the batch, shape ``(n_batches, n_columns + 1)``.
        places: Output: row in its batch of each cell.
        targets: Output: value of each cell.
        bounds: Output, shape ``(n_batches, n_threads + 1)``: thread *t* has columns
            ``listed[b, bounds[b, t]:bounds[b, t + 1]]``, all threads together have all.
    """
    for b in numba.prange(bounds.shape[0]):
        rows = order[b * batch_size : (b + 1) * batch_size]
        taken = steps_of(rated, first + b, n_together)
        n_cells = _cells_by_column(offsets, columns, rows, taken.shape[1])
        n = 0
        total = 0
        for c in range(taken.shape[1]):
            if taken[0, c] < taken[1, c]:
                listed[b, n] = c
                steps[b, 0, n], steps[b, 1, n] = taken[0, c], taken[1, c]
                starts[b, n] = total
                n += 1
            n_cells[c], total = total, total + n_cells[c]
        starts[b, n] = total
        for place, r in enumerate(rows):
            for k in range(offsets[r], offsets[r + 1]):
                # Now where the next cell of the column belongs.
                column = np.uint32(columns[k])
                to = ends[b] + n_cells[column]
                n_cells[column] += 1
                places[to] = place
                targets[to] = values[k]
        _set_bounds(n, starts[b], steps[b], bounds[b])


@kernel()
def _cells_by_column(offsets, columns, rows, n_columns):  # type: ignore[no-untyped-def]
    n_cells = np.zeros(n_columns, np.int32)
    for r in rows:
        for k in range(offsets[r], offsets[r + 1]):
            n_cells[np.uint32(columns[k])] += 1
    return n_cells


@kernel()
def _set_bounds(n_listed, starts, steps, bounds):  # type: ignore[no-untyped-def]
    work = np.empty(n_listed + 1, np.int64)
    work[0] = 0
    for i in range(n_listed):
        n_steps = steps[1, i] - steps[0, i]
        work[i + 1] = work[i] + starts[i + 1] - starts[i]
        work[i + 1] += _CELLS_PER_COLUMN + _CELLS_PER_STEP * n_steps
    n_threads = bounds.shape[0] - 1
    bounds[:] = n_listed
    bounds[0] = 0
    t = 1
    for i in range(n_listed):
        while t < n_threads and n_threads * work[i] >= t * work[-1]:
            bounds[t] = i
            t += 1

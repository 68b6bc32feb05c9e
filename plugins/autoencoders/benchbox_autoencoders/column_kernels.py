"""CPU kernels that sort a batch by column, and say which steps a column takes with it.

A batch that does not rate a column changes it all the same: moments fade, and weights
follow them and decay. Such a step needs no gradient, and nobody reads the weights until
a batch rates the column again. So the steps up to that batch are taken at once, while
the weights are in the cache. A column is then read and written once per batch that
rates it, and not once per step.
"""

import numpy as np

from benchbox_autoencoders.compiled import jit

MOST_AHEAD = 64
"""Batches that are looked at together: a bit per batch."""

# Reading and writing a column takes as long as this number of cells, and so does each
# of its steps (measured). Threads get equal shares of the total.
_CELLS_PER_COLUMN = 4
_CELLS_PER_STEP = 4


@jit()
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


@jit()
def _next_rated(rated, t, n_batches):  # type: ignore[no-untyped-def]
    """Return the first batch from *t* on that rates a column; *n_batches* if none."""
    left = rated >> np.uint64(t) if t < n_batches else np.uint64(0)
    if left == 0:
        return n_batches
    while not left & np.uint64(1):
        left >>= np.uint64(1)
        t += 1
    return t


@jit()
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


@jit()
def by_column(offsets, columns, values, rows, steps, n_threads):  # type: ignore[no-untyped-def]
    """Return the cells of *rows*, sorted by column.

    Args:
        offsets: Row *r* of the whole matrix has cells ``offsets[r]:offsets[r + 1]``.
        columns: Column per cell of the whole matrix.
        values: Value per cell of the whole matrix.
        rows: Row indexes of the batch, in its order.
        steps: Steps that each column takes, from `steps_of`, shape ``(2, n_columns)``.
        n_threads: Number of threads that share the columns.

    Returns:
        Four arrays: ``starts`` of shape ``(n_columns + 1,)``; the row in the batch and
        the value of each cell; and ``bounds`` of shape ``(n_threads + 1,)``: thread *t*
        has columns ``bounds[t]:bounds[t + 1]``.
    """
    n_columns = steps.shape[1]
    starts = np.zeros(n_columns + 1, np.int64)
    for r in rows:
        for k in range(offsets[r], offsets[r + 1]):
            starts[np.uint32(columns[k]) + 1] += 1
    for c in range(n_columns):
        starts[c + 1] += starts[c]
    places = np.empty(starts[-1], np.int32)
    sorted_values = np.empty(starts[-1], values.dtype)
    following = starts[:-1].copy()
    for place, r in enumerate(rows):
        for k in range(offsets[r], offsets[r + 1]):
            column = np.uint32(columns[k])
            to = following[column]
            following[column] = to + 1
            places[to] = place
            sorted_values[to] = values[k]
    return starts, places, sorted_values, _bounds(starts, steps, n_threads)


@jit()
def _bounds(starts, steps, n_threads):  # type: ignore[no-untyped-def]
    n_columns = steps.shape[1]
    work = np.empty(n_columns + 1, np.int64)
    work[0] = 0
    for c in range(n_columns):
        n_steps = np.int64(steps[1, c] - steps[0, c])
        work[c + 1] = work[c] + starts[c + 1] - starts[c]
        if n_steps > 0:
            work[c + 1] += _CELLS_PER_COLUMN + _CELLS_PER_STEP * n_steps
    bounds = np.full(n_threads + 1, n_columns)
    bounds[0] = 0
    t = 1
    for c in range(n_columns):
        while t < n_threads and n_threads * work[c] >= t * work[-1]:
            bounds[t] = c
            t += 1
    return bounds

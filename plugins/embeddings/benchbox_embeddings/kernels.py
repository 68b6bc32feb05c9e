"""CPU kernels that move the embeddings that ratings name, and no others.

A row holds all that a step needs of a user or an item, so that it is read from memory
once; `benchbox_embeddings.tables` makes rows.

Threads share the work by rows, no two of them having the same. Loops index whole
arrays, because views of rows cost more than the sums in them.
"""

import numba
import numpy as np

from benchbox.models.training import kernel, prefetch

SGD, ADAGRAD, ADAM = range(3)
"""How a row moves by its gradient; see `EmbeddingOptions`."""

OFFSET, SQUARE, OFFSET_SQUARE, RIDGE, LASSO, LEFT1, LEFT2, OFFSET_MEAN, MEANS = range(9)
"""Columns of a row, counted from the end of its factors.

The mean squares of the factors' and of the offset's gradient; the L2 and L1 penalty per
rating; with Adam, the shares of both moments that are still those of the start, and the
moving means of the offset's and of each factor's gradient.
"""

LINE = 64
"""Bytes of a CPU cache line."""

# Pairs, or rows, before a row is needed that it is asked for: as many as take the time
# that memory takes.
_AHEAD = 6

# A linear congruential generator (Knuth's constants). Its upper half is random enough
# to shuffle by, and faster than moving the pairs.
_FACTOR, _SUMMAND = np.uint64(6364136223846793005), np.uint64(1442695040888963407)


@kernel()
def by_block(  # type: ignore[no-untyped-def]
    users,
    items,
    targets,
    user_places,
    item_places,
    n_groups,
    new_users,
    new_items,
    new_targets,
):
    """Put pairs in an order in which those of a block are next to each other.

    Rows are numbered by place, and groups are equal ranges of places.

    Args:
        users: User per pair, shape ``(n,)``.
        items: Item per pair, shape ``(n,)``.
        targets: Centred, scaled rating per pair, shape ``(n,)``.
        user_places: Place of each user, from 0.
        item_places: Place of each item, from 0.
        n_groups: Number of groups; block ``a * n_groups + b`` has the pairs of a user
            of group *a* and an item of group *b*.
        new_users: Output: place of the user per pair in the new order.
        new_items: Output: place of the item per pair in the new order.
        new_targets: Output: target per pair in the new order.

    Returns:
        Where each block starts and, at the end, the number of pairs, shape ``(n_groups
        ** 2 + 1,)``.
    """
    n_pairs, n_users, n_items = len(users), len(user_places), len(item_places)
    starts = np.zeros(n_groups * n_groups + 1, np.int64)
    for k in range(n_pairs):
        user, item = user_places[users[k]], item_places[items[k]]
        block = user * n_groups // n_users * n_groups + item * n_groups // n_items
        starts[block + 1] += 1
    for block in range(n_groups * n_groups):
        starts[block + 1] += starts[block]
    following = starts[:-1].copy()
    for k in range(n_pairs):
        user, item = user_places[users[k]], item_places[items[k]]
        block = user * n_groups // n_users * n_groups + item * n_groups // n_items
        to = following[block]
        following[block] = to + 1
        new_users[to], new_items[to], new_targets[to] = user, item, targets[k]
    return starts


@kernel()
def _below(state, n):  # type: ignore[no-untyped-def]
    """Return a number from 0 to *n* - 1, below 2^32, by the state of the generator."""
    return np.int64(((state >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))


@kernel()
def shuffle(start, stop, users, items, targets, seed):  # type: ignore[no-untyped-def]
    """Bring pairs ``start:stop`` into a random order (Fisher and Yates)."""
    state = np.uint64(seed)
    for n in range(stop - start, 1, -1):
        state = state * _FACTOR + _SUMMAND
        last, other = start + n - 1, start + _below(state, n)
        users[last], users[other] = users[other], users[last]
        items[last], items[other] = items[other], items[last]
        targets[last], targets[other] = targets[other], targets[last]


@kernel()
def _divisors(rows, r, width, square, offset_square, law, constants):  # type: ignore[no-untyped-def]
    """Return what the rate is divided by, for the factors and the offset, and the rate.

    Both mean squares of the gradient are remembered in the row first.
    """
    one = rows.dtype.type(1)
    rate, keep1, keep2, tiny = constants
    if law == SGD:
        return one, one, rate
    if law == ADAGRAD:
        square += rows[r, width + SQUARE]
        offset_square += rows[r, width + OFFSET_SQUARE]
        rows[r, width + SQUARE] = square
        rows[r, width + OFFSET_SQUARE] = offset_square
        return np.sqrt(square) + tiny, np.sqrt(offset_square) + tiny, rate
    square = keep2 * rows[r, width + SQUARE] + (one - keep2) * square
    offset_square = (
        keep2 * rows[r, width + OFFSET_SQUARE] + (one - keep2) * offset_square
    )
    left1, left2 = keep1 * rows[r, width + LEFT1], keep2 * rows[r, width + LEFT2]
    rows[r, width + SQUARE] = square
    rows[r, width + OFFSET_SQUARE] = offset_square
    # Shares too small to be normal numbers would make every later product slow.
    rows[r, width + LEFT1] = left1 if left1 > tiny else one - one
    rows[r, width + LEFT2] = left2 if left2 > tiny else one - one
    # The rate is multiplied by the second correction, so that neither root is divided
    # by it: Kingma and Ba (2015), end of section 2.
    whole1, whole2 = one - left1, np.sqrt(one - left2)
    return (
        whole1 * (np.sqrt(square) + tiny * whole2),
        whole1 * (np.sqrt(offset_square) + tiny * whole2),
        rate * whole2,
    )


@kernel()
def _nearer_to_zero(rows, r, width, factors_by, offset_by):  # type: ignore[no-untyped-def]
    for j in range(width + 1):
        by = offset_by if j == width else factors_by
        size = max(abs(rows[r, j]) - by, by - by)
        rows[r, j] = size if rows[r, j] > 0 else -size


@kernel()
def learn(start, stop, users, items, targets, p, q, width, law, constants):  # type: ignore[no-untyped-def]
    """Take a step of biased factors for each of the pairs ``start:stop``, in order.

    Args:
        start: First pair.
        stop: The pair after the last.
        users: User per pair.
        items: Item per pair.
        targets: Centred, scaled rating per pair.
        p: Row per user; updated.
        q: Row per item; updated.
        width: Number of factors.
        law: How rows move: `SGD`, `ADAGRAD` or `ADAM`.
        constants: Learning rate, shares of both moments that a step keeps, and a tiny
            number, all of the type of the rows.

    Returns:
        The sum of the squared errors, each before its step.
    """
    keep1 = constants[1]
    zero, one = p.dtype.type(0), p.dtype.type(1)
    # In float64: LLVM would move a division in float32 into the loop.
    share, new = p.dtype.type(1 / width), one - keep1
    total = 0.0
    for n in range(start, stop):
        later = min(n + _AHEAD, stop - 1)
        prefetch(p, np.uint32(users[later]), 0, p.shape[1])
        prefetch(q, np.uint32(items[later]), 0, q.shape[1])
        # Unsigned, to avoid the check for negative indexes.
        u, i = np.uint32(users[n]), np.uint32(items[n])
        product, user_size, item_size = zero, zero, zero
        for j in range(width):
            product += p[u, j] * q[i, j]
        error = product + p[u, width] + q[i, width] - targets[n]
        square = error * error
        total += square
        if law != SGD:
            for j in range(width):
                user_size += p[u, j] * p[u, j]
            for j in range(width):
                item_size += q[i, j] * q[i, j]
        by, offset_by, rate = _divisors(
            p, u, width, square * item_size * share, square, law, constants
        )
        whole = one / (by + rate * p[u, width + RIDGE])
        keep_user, step_user, offset_user = by * whole, rate * whole, rate / offset_by
        by, offset_by, rate = _divisors(
            q, i, width, square * user_size * share, square, law, constants
        )
        whole = one / (by + rate * q[i, width + RIDGE])
        keep_item, step_item, offset_item = by * whole, rate * whole, rate / offset_by
        if law == ADAM:
            user_mean = keep1 * p[u, width + OFFSET_MEAN] + new * error
            item_mean = keep1 * q[i, width + OFFSET_MEAN] + new * error
            p[u, width + OFFSET_MEAN] = user_mean
            q[i, width + OFFSET_MEAN] = item_mean
            p[u, width] -= offset_user * user_mean
            q[i, width] -= offset_item * item_mean
            for j in range(width):
                a, b = p[u, j], q[i, j]
                user_mean = keep1 * p[u, width + MEANS + j] + new * error * b
                item_mean = keep1 * q[i, width + MEANS + j] + new * error * a
                p[u, width + MEANS + j] = user_mean
                q[i, width + MEANS + j] = item_mean
                p[u, j] = keep_user * a - step_user * user_mean
                q[i, j] = keep_item * b - step_item * item_mean
        else:
            p[u, width] -= offset_user * error
            q[i, width] -= offset_item * error
            along_user, along_item = step_user * error, step_item * error
            for j in range(width):
                a, b = p[u, j], q[i, j]
                p[u, j] = keep_user * a - along_user * b
                q[i, j] = keep_item * b - along_item * a
        if p[u, width + LASSO] > 0:
            by = p[u, width + LASSO]
            _nearer_to_zero(p, u, width, step_user * by, offset_user * by)
        if q[i, width + LASSO] > 0:
            by = q[i, width + LASSO]
            _nearer_to_zero(q, i, width, step_item * by, offset_item * by)
    return total


@kernel()
def deal(  # type: ignore[no-untyped-def]
    users,
    items,
    targets,
    groups,
    n_groups,
    n_each,
    seed,
    new_users,
    new_items,
    new_targets,
):
    """Deal pairs into hands: by the group of the user, and at random within a group.

    Hands that are shuffled one by one and put together are the pairs group by group,
    and in random order within a group. Each hand is small enough for the CPU cache.

    Args:
        users: User per pair, shape ``(n,)``.
        items: Item per pair, shape ``(n,)``.
        targets: Centred, scaled rating per pair, shape ``(n,)``.
        groups: Group of each user, from 0.
        n_groups: Number of groups.
        n_each: Number of hands per group.
        seed: Seed of the random numbers.
        new_users: Output: user per pair, hand by hand.
        new_items: Output: item per pair, hand by hand.
        new_targets: Output: target per pair, hand by hand.

    Returns:
        Where each hand starts and, at the end, the number of pairs, shape ``(n_groups *
        n_each + 1,)``.
    """
    n, n_hands = len(targets), n_groups * n_each
    starts = np.zeros(n_hands + 1, np.int64)
    state = np.uint64(seed)
    for k in range(n):
        state = state * _FACTOR + _SUMMAND
        starts[groups[users[k]] * n_each + _below(state, n_each) + 1] += 1
    for hand in range(n_hands):
        starts[hand + 1] += starts[hand]
    following = starts[:-1].copy()
    state = np.uint64(seed)
    for k in range(n):
        state = state * _FACTOR + _SUMMAND
        hand = groups[users[k]] * n_each + _below(state, n_each)
        to = following[hand]
        following[hand] = to + 1
        new_users[to], new_items[to], new_targets[to] = users[k], items[k], targets[k]
    return starts


@kernel(parallel=True)
def learn_blocks(  # type: ignore[no-untyped-def]
    blocks, starts, seeds, users, items, targets, p, q, width, law, constants
):
    """Take a step for each pair of some blocks, in random order within each.

    Threads share the blocks, no two of which may name the same user or item.

    Args:
        blocks: Numbers of the blocks, shape ``(n,)``.
        starts: Block *b* has pairs ``starts[b]:starts[b + 1]``.
        seeds: Seed of the order per block, shape ``(n_blocks,)``.
        users: User per pair.
        items: Item per pair.
        targets: Centred, scaled rating per pair.
        p: As for `learn`.
        q: As for `learn`.
        width: As for `learn`.
        law: As for `learn`.
        constants: As for `learn`.

    Returns:
        The sum of the squared errors of each block, float64, shape ``(n,)``.
    """
    losses = np.empty(len(blocks))
    for k in numba.prange(len(blocks)):
        block = blocks[k]
        part = starts[block], starts[block + 1]
        shuffle(*part, users, items, targets, seeds[block])
        losses[k] = learn(*part, users, items, targets, p, q, width, law, constants)
    return losses


@kernel(parallel=True)
def name_rows(index, size, seen, slots, rows, counts, lengths):  # type: ignore[no-untyped-def]
    """Find the rows that batches of pairs name, each once per batch.

    Batch *b* has the pairs ``b * size`` to ``(b + 1) * size``. Its rows and their
    counts start there too.

    Args:
        index: Row per pair, shape ``(n,)``.
        size: Pairs per batch.
        seen: For each thread a buffer of -1 per row, int32, shape ``(n_threads,
            n_rows)``; left as it was.
        slots: Output: place of each pair's row among those of its batch, ``(n,)``.
        rows: Output: rows in order of appearance; shape ``(n,)``, with gaps.
        counts: Output: pairs that name each of ``rows``; shape ``(n,)``, with gaps.
        lengths: Output: number of rows per batch.
    """
    n, n_threads = len(index), len(seen)
    for t in numba.prange(n_threads):
        own = seen[t]
        for batch in range(t, len(lengths), n_threads):
            start, stop = batch * size, min(n, (batch + 1) * size)
            n_rows = 0
            for k in range(start, stop):
                r = np.uint32(index[k])
                if own[r] < 0:
                    own[r] = n_rows
                    rows[start + n_rows] = r
                    counts[start + n_rows] = 0
                    n_rows += 1
                slots[k] = own[r]
                counts[start + own[r]] += 1
            lengths[batch] = n_rows
            for k in range(start, start + n_rows):
                own[np.uint32(rows[k])] = -1


@kernel()
def _gather(start, stop, names, rows, gathered):  # type: ignore[no-untyped-def]
    for s in range(start, stop):
        later = np.uint32(names[min(s + _AHEAD, stop - 1)])
        # All of it, because the step will need the rest.
        prefetch(rows, later, 0, rows.shape[1])
        r = np.uint32(names[s])
        for j in range(gathered.shape[1]):
            gathered[s, j] = rows[r, j]


@kernel(parallel=True)
def gather(n_threads, names, rows, gathered):  # type: ignore[no-untyped-def]
    """Copy the first columns of the rows that a batch names.

    Args:
        n_threads: Number of threads that share the rows.
        names: The rows, shape ``(m,)``.
        rows: All rows.
        gathered: Output: the first columns of each, shape ``(m, n_columns)``.
    """
    n = len(names)
    for t in numba.prange(n_threads):
        part = t * n // n_threads, (t + 1) * n // n_threads
        _gather(*part, names, rows, gathered)


@kernel()
def sum_per_row(slots, values, sums):  # type: ignore[no-untyped-def]
    """Add the values of the pairs that name a row.

    Args:
        slots: Row per pair, shape ``(n,)``.
        values: Values per pair, shape ``(n, d)``.
        sums: Output: sums per row, shape ``(m, d)``.
    """
    sums[:] = 0
    for k in range(values.shape[0]):
        slot = np.uint32(slots[k])
        for j in range(values.shape[1]):
            sums[slot, j] += values[k, j]


@kernel()
def _step(start, stop, names, counts, gradients, scale, rows, width, law, constants):  # type: ignore[no-untyped-def]
    keep1 = constants[1]
    zero, one = rows.dtype.type(0), rows.dtype.type(1)
    # In float64: LLVM would move a division in float32 into the loop.
    share, new = rows.dtype.type(1 / width), one - keep1
    has_offset = gradients.shape[1] > width
    for s in range(start, stop):
        later = np.uint32(names[min(s + _AHEAD, stop - 1)])
        prefetch(rows, later, 0, rows.shape[1])
        r, count = np.uint32(names[s]), rows.dtype.type(counts[s])
        square = zero
        for j in range(width):
            square += gradients[s, j] * gradients[s, j]
        square *= scale * scale
        along = scale * gradients[s, width] if has_offset else zero
        by, offset_by, rate = _divisors(
            rows, r, width, square * share, along * along, law, constants
        )
        whole = one / (by + rate * count * rows[r, width + RIDGE])
        keep_row, step_row, offset_step = by * whole, rate * whole, rate / offset_by
        if law == ADAM:
            for j in range(width):
                mean = keep1 * rows[r, width + MEANS + j] + new * (
                    scale * gradients[s, j]
                )
                rows[r, width + MEANS + j] = mean
                rows[r, j] = keep_row * rows[r, j] - step_row * mean
            along = keep1 * rows[r, width + OFFSET_MEAN] + new * along
            rows[r, width + OFFSET_MEAN] = along
        else:
            for j in range(width):
                rows[r, j] = keep_row * rows[r, j] - step_row * (
                    scale * gradients[s, j]
                )
        rows[r, width] -= offset_step * along
        if rows[r, width + LASSO] > 0:
            by = count * rows[r, width + LASSO]
            _nearer_to_zero(rows, r, width, step_row * by, offset_step * by)


@kernel(parallel=True)
def step(n_threads, names, counts, gradients, scale, rows, width, law, constants):  # type: ignore[no-untyped-def]
    """Move each row that a batch names, once.

    Args:
        n_threads: Number of threads that share the rows.
        names: The rows, each once, shape ``(m,)``.
        counts: Number of pairs that name each of them, shape ``(m,)``.
        gradients: Gradient per row of its factors and, if there are offsets, of its
            offset, shape ``(m, width)`` or ``(m, width + 1)``.
        scale: What gradients are multiplied by.
        rows: All rows; updated.
        width: Number of factors.
        law: As for `learn`.
        constants: As for `learn`.
    """
    n = len(names)
    for t in numba.prange(n_threads):
        part = t * n // n_threads, (t + 1) * n // n_threads
        _step(*part, names, counts, gradients, scale, rows, width, law, constants)

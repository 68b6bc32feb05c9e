"""Compiled passes over the ratings, for models trained rating by rating.

They run in one thread, because each rating changes what the next one sees.
"""

import numpy as np

from benchbox.models.training import kernel


@kernel()
def tastes(offsets, items, rest, x, y):  # type: ignore[no-untyped-def]
    """Return ``sum(rest_j x_j + y_j) / sqrt(n)`` over the *n* items of each user.

    Args:
        offsets: User *u* has ratings ``offsets[u]:offsets[u + 1]``.
        items: Item per rating.
        rest: Residual per rating.
        x: Vector per item that residuals weigh; of shape ``(0, k)`` for none.
        y: Vector per item.
    """
    n_users = offsets.shape[0] - 1
    vectors = np.zeros((n_users, y.shape[1]), y.dtype)
    for u in range(n_users):
        n = offsets[u + 1] - offsets[u]
        for m in range(offsets[u], offsets[u + 1]):
            for f in range(y.shape[1]):
                vectors[u, f] += y[items[m], f]
            if x.shape[0]:
                for f in range(y.shape[1]):
                    vectors[u, f] += rest[m] * x[items[m], f]
        for f in range(y.shape[1]):
            vectors[u, f] /= np.float32(np.sqrt(max(n, 1)))
    return vectors


@kernel()
def learn(  # type: ignore[no-untyped-def]
    order, offsets, items, rest, biases, item_biases, p, q, x, y, rate, decay
):
    """Take a gradient step for each rating, user by user; return the squared error.

    A rating's residual is predicted as ``b_u + b_i + q_i . (p_u + t_u)``, with *t* as
    in `tastes`. A step changes every vector that *t* sums over. While a user's ratings
    are gone through, only the change of the sum is noted, and its terms are changed at
    the end: that gives the same, in time O(n) instead of O(n ** 2) for *n* ratings.

    Args:
        order: Users, in the order to go through.
        offsets: User *u* has ratings ``offsets[u]:offsets[u + 1]``.
        items: Item per rating.
        rest: Residual per rating.
        biases: Offset per user.
        item_biases: Offset per item.
        p: Vector per user; of shape ``(0, k)`` for none.
        q: Vector per item.
        x: Vector per item that residuals weigh; of shape ``(0, k)`` for none.
        y: Vector per item.
        rate: Learning rate.
        decay: L2 penalty per rating.
    """
    k = q.shape[1]
    taste, start = np.empty(k, q.dtype), np.empty(k, q.dtype)
    squares = 0.0
    kept = np.float32(1 - rate * decay)
    for u in order:
        first, last = offsets[u], offsets[u + 1]
        n = last - first
        if n == 0:
            continue
        share = np.float32(1 / np.sqrt(n))
        weight = np.float32(1)
        start[:] = 0
        for m in range(first, last):
            for f in range(k):
                start[f] += y[items[m], f]
            if x.shape[0]:
                weight += rest[m] * rest[m] / n
                for f in range(k):
                    start[f] += rest[m] * x[items[m], f]
        for f in range(k):
            start[f] *= share
            taste[f] = start[f]
        fading = np.float32(1)
        for m in range(first, last):
            i = items[m]
            estimate = biases[u] + item_biases[i]
            for f in range(k):
                own = taste[f] + (p[u, f] if p.shape[0] else np.float32(0))
                estimate += q[i, f] * own
            error = rest[m] - estimate
            squares += error * error
            biases[u] = kept * biases[u] + rate * error
            item_biases[i] = kept * item_biases[i] + rate * error
            fading *= kept
            for f in range(k):
                step = rate * error * q[i, f]
                own = taste[f]
                if p.shape[0]:
                    own += p[u, f]
                    p[u, f] = kept * p[u, f] + step
                q[i, f] = kept * q[i, f] + rate * error * own
                taste[f] = kept * taste[f] + weight * step
        for f in range(k):
            # What the steps have added to each term, but for its weight.
            start[f] = share * (taste[f] - fading * start[f]) / weight
        for m in range(first, last):
            i = items[m]
            for f in range(k):
                y[i, f] = fading * y[i, f] + start[f]
            if x.shape[0]:
                for f in range(k):
                    x[i, f] = fading * x[i, f] + rest[m] * start[f]
    return squares


@kernel()
def place(  # type: ignore[no-untyped-def]
    users, n_passes, offsets, items, rest, biases, item_biases, p, q, fixed, rate, decay
):
    """Train the offsets and vectors of *users*, by `learn` with all else fixed.

    Args:
        users: Users to train.
        n_passes: Number of passes over their ratings.
        offsets: User *u* has ratings ``offsets[u]:offsets[u + 1]``.
        items: Item per rating.
        rest: Residual per rating.
        biases: Offset per user; changed in place.
        item_biases: Offset per item.
        p: Vector per user, changed in place; of shape ``(0, k)`` for none.
        q: Vector per item.
        fixed: What is added to each user's vector, shape ``(n_users, k)``.
        rate: Learning rate.
        decay: L2 penalty per rating.
    """
    kept = np.float32(1 - rate * decay)
    for u in users:
        for _ in range(n_passes):
            for m in range(offsets[u], offsets[u + 1]):
                i = items[m]
                error = rest[m] - biases[u] - item_biases[i]
                for f in range(q.shape[1]):
                    error -= q[i, f] * fixed[u, f]
                if p.shape[0]:
                    for f in range(q.shape[1]):
                        error -= q[i, f] * p[u, f]
                    for f in range(q.shape[1]):
                        p[u, f] = kept * p[u, f] + rate * error * q[i, f]
                biases[u] = kept * biases[u] + rate * error


@kernel()
def multiply(offsets, columns, values, rows, others, penalty):  # type: ignore[no-untyped-def]
    """Improve the non-negative *rows* by one multiplicative update each.

    The update is that of Lee & Seung (2001) on the rated cells: it never raises the sum
    of squared errors plus *penalty* times the squared row for each of its ratings.

    Args:
        offsets: Row *r* has cells ``offsets[r]:offsets[r + 1]``.
        columns: Column per cell.
        values: Value per cell, not negative.
        rows: Factors per row, shape ``(m, k)``; changed in place.
        others: Factors per column, shape ``(n, k)``.
        penalty: L2 penalty per rating.
    """
    k = rows.shape[1]
    above, below = np.empty(k, rows.dtype), np.empty(k, rows.dtype)
    for r in range(rows.shape[0]):
        n = offsets[r + 1] - offsets[r]
        if n == 0:
            continue
        above[:] = 0
        for f in range(k):
            below[f] = n * penalty * rows[r, f]
        for m in range(offsets[r], offsets[r + 1]):
            other = others[columns[m]]
            estimate = np.float32(0)
            for f in range(k):
                estimate += rows[r, f] * other[f]
            for f in range(k):
                above[f] += values[m] * other[f]
                below[f] += estimate * other[f]
        for f in range(k):
            if below[f] > 0:
                rows[r, f] *= above[f] / below[f]

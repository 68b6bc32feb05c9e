"""Compiled loops over pairs of users or items that have ratings in common.

Each call does one part of the work, so that threads can share it: rows or groups
``part``, ``part + n_parts`` and so on. Each result is computed by one thread in a fixed
order, so any number of threads gives the same bytes. Numba's own parallel loops would
take several times as long to compile.
"""

import numpy as np

from benchbox.models.training import kernel

# Columns of the sums over ratings in common.
_N, _XY, _XX, _YY = 0, 1, 2, 3


@kernel(inline="always", in_order=True, nogil=True)
def _add_common(cells, values, offsets, owners, others, sums, touched):  # type: ignore[no-untyped-def]
    # Adds up a row's ratings in common with all others; returns how many rows those are
    # and writes which to `touched`. The sums must be 0 before.
    n_touched = 0
    flat = sums.reshape(-1)
    for k in range(cells.shape[0]):
        x = values[k]
        square = x * x
        for m in range(offsets[cells[k]], offsets[cells[k] + 1]):
            # Unsigned, so that no index is checked for being negative.
            y, at = others[m], np.uint64(4) * np.uint64(owners[m])
            if flat[at] == 0:
                touched[n_touched] = owners[m]
                n_touched += 1
            flat[at] += np.float32(1)
            flat[at + np.uint64(1)] += x * y
            flat[at + np.uint64(2)] += square
            flat[at + np.uint64(3)] += y * y
    return n_touched


@kernel(inline="always", in_order=True, nogil=True)
def _similarity(sums, shrinkage, min_overlap):  # type: ignore[no-untyped-def]
    squares = sums[_XX] * sums[_YY]
    if sums[_N] < min_overlap or squares <= 0:
        return np.float32(0)
    correlation = sums[_XY] / np.sqrt(squares)
    return np.float32(correlation * sums[_N] / (sums[_N] + shrinkage))


@kernel(in_order=True, nogil=True)
def _descending(numbers, places):  # type: ignore[no-untyped-def]
    """Return the order of numbers in (0, 2), the largest first; ties keep theirs.

    Args:
        numbers: The numbers, shape ``(n,)``.
        places: Memory for two permutations of at least *n* places.
    """
    # Radix sort: as integers, positive floats keep their order, here below 2 ** 30.
    n = numbers.shape[0]
    keys = np.uint32(2**30 - 1) - numbers.view(np.uint32)
    now, then = places[0, :n], places[1, :n]
    for t in range(n):
        now[t] = t
    for shift in (0, 10, 20):
        starts = np.zeros(1025, np.int32)
        for t in range(n):
            starts[((keys[t] >> np.uint32(shift)) & np.uint32(1023)) + 1] += 1
        for digit in range(1024):
            starts[digit + 1] += starts[digit]
        for t in range(n):
            digit = (keys[now[t]] >> np.uint32(shift)) & np.uint32(1023)
            then[starts[digit]] = now[t]
            starts[digit] += 1
        now, then = then, now
    return now


@kernel(in_order=True, nogil=True)
def nearest(  # type: ignore[no-untyped-def]
    neighbours,
    similarities,
    counts,
    first,
    rows,
    columns,
    shrinkage,
    min_overlap,
    part,
    n_parts,
):
    """Find the nearest neighbours of rows from ``first`` on, the most similar first.

    Args:
        neighbours: Filled with the neighbours of each row, shape ``(n, most)``.
        similarities: Filled with their similarities, which are above 0.
        counts: Filled with the number of neighbours of each row, shape ``(n,)``.
        first: The first row.
        rows: Offsets, columns and values of all rows.
        columns: Offsets, rows and values of all columns: the same ratings.
        shrinkage: Pseudo-ratings in common, which pull similarities towards 0.
        min_overlap: Rows with fewer ratings in common are no neighbours.
        part: Number of the part, from 0.
        n_parts: Number of parts.
    """
    n, most = neighbours.shape
    offsets, cells, values = rows
    starts, owners, others = columns
    n_rows = offsets.shape[0] - 1
    sums = np.zeros((n_rows, 4), np.float32)
    touched = np.empty(n_rows, np.int32)
    found = np.empty(n_rows, np.float32)
    places = np.empty((2, n_rows), np.int32)
    for r in range(part, n, n_parts):
        row = first + r
        own = slice(offsets[row], offsets[row + 1])
        n_touched = _add_common(
            cells[own], values[own], starts, owners, others, sums, touched
        )
        n_found = 0
        for t in range(n_touched):
            other = touched[t]
            if other != row:
                like = _similarity(sums[other], shrinkage, min_overlap)
                if like > 0:
                    # Never ahead of `t`, so nothing unread is overwritten.
                    touched[n_found], found[n_found] = other, like
                    n_found += 1
            sums[other] = 0
        kept = min(most, n_found)
        best = _descending(found[:n_found], places)
        for t in range(kept):
            neighbours[r, t] = touched[best[t]]
            similarities[r, t] = found[best[t]]
        counts[r] = kept


@kernel(in_order=True, nogil=True)
def by_items(  # type: ignore[no-untyped-def]
    means, asked, users, items, history, neighbours, k, damping, part, n_parts
):
    """Compute weighted means of the users' ratings of similar items.

    Args:
        means: Filled with the means, shape ``(n,)``, 0 before.
        history: Offsets, items and values of all users' ratings.
        neighbours: Offsets, neighbours and similarities of all items, the most similar
            first.
        asked: Pairs of one user stand together: group *g* has pairs
            ``asked[g]:asked[g + 1]``.
        users: User per pair.
        items: Item per pair.
        k: Largest number of neighbours to use.
        damping: Similarity of a pseudo-neighbour with value 0.
        part: Number of the part, from 0.
        n_parts: Number of parts.
    """
    offsets, rated, values = history
    starts, alike, likeness = neighbours
    n_items = starts.shape[0] - 1
    n_groups = asked.shape[0] - 1
    own = np.full(n_items, np.nan, np.float32)
    for g in range(part, n_groups, n_parts):
        user = users[asked[g]]
        for m in range(offsets[user], offsets[user + 1]):
            own[rated[m]] = values[m]
        for p in range(asked[g], asked[g + 1]):
            total = weight = np.float32(0)
            n_used = 0
            for m in range(starts[items[p]], starts[items[p] + 1]):
                value = own[alike[m]]
                if not np.isnan(value):
                    total += likeness[m] * value
                    weight += likeness[m]
                    n_used += 1
                    if n_used == k:
                        break
            if n_used:
                means[p] = total / (weight + damping)
        for m in range(offsets[user], offsets[user + 1]):
            own[rated[m]] = np.nan


@kernel(in_order=True, nogil=True)
def by_users(  # type: ignore[no-untyped-def]
    means,
    asked,
    users,
    items,
    history,
    raters,
    n_users,
    k,
    damping,
    shrinkage,
    min_overlap,
    part,
    n_parts,
):
    """Compute weighted means of similar users' ratings of the items.

    Args:
        means: Filled with the means, shape ``(n,)``, 0 before.
        history: Offsets, items and values of the ratings of the users who are asked.
        raters: Offsets, users and values of the training ratings of all items.
        asked: Pairs of one user stand together, as in `by_items`.
        users: User per pair.
        items: Item per pair.
        n_users: Number of users, whether trained on or in the history.
        k: Largest number of neighbours to use.
        damping: Similarity of a pseudo-neighbour with value 0.
        shrinkage: Pseudo-ratings in common, which pull similarities towards 0.
        min_overlap: Users with fewer ratings in common are no neighbours.
        part: Number of the part, from 0.
        n_parts: Number of parts.
    """
    offsets, rated, values = history
    starts, owners, others = raters
    n_groups = asked.shape[0] - 1
    sums = np.zeros((n_users, 4), np.float32)
    touched = np.empty(n_users, np.int32)
    likeness = np.zeros(n_users, np.float32)
    # The k most similar of those who rated an item, and their ratings.
    k = min(k, n_users)
    near, theirs = np.empty(k, np.float32), np.empty(k, np.float32)
    for g in range(part, n_groups, n_parts):
        user = users[asked[g]]
        own = slice(offsets[user], offsets[user + 1])
        n_touched = _add_common(
            rated[own], values[own], starts, owners, others, sums, touched
        )
        for t in range(n_touched):
            other = touched[t]
            likeness[other] = _similarity(sums[other], shrinkage, min_overlap)
            sums[other] = 0
        likeness[user] = 0
        for p in range(asked[g], asked[g + 1]):
            n_near = 0
            for m in range(starts[items[p]], starts[items[p] + 1]):
                like = likeness[owners[m]]
                if like > 0 and (n_near < k or like > near[k - 1]):
                    at = min(n_near, k - 1)
                    while at > 0 and near[at - 1] < like:
                        near[at], theirs[at] = near[at - 1], theirs[at - 1]
                        at -= 1
                    near[at], theirs[at] = like, others[m]
                    n_near = min(n_near + 1, k)
            if n_near:
                total = weight = np.float32(0)
                for t in range(n_near):
                    total += near[t] * theirs[t]
                    weight += near[t]
                means[p] = total / (weight + damping)
        for t in range(n_touched):
            likeness[touched[t]] = 0


@kernel(in_order=True, nogil=True)
def by_differences(  # type: ignore[no-untyped-def]
    means,
    asked,
    users,
    items,
    history,
    rows,
    columns,
    shrinkage,
    damping,
    part,
    n_parts,
):
    """Compute weighted means of the users' ratings plus the items' mean differences.

    Args:
        means: Filled with the means, shape ``(n,)``, 0 before.
        history: Offsets, items and values of the ratings of the users who are asked.
        rows: Offsets, users and values of the training ratings of all items.
        columns: Offsets, items and values of the training ratings of all users.
        asked: Pairs of one item stand together: group *g* has pairs
            ``asked[g]:asked[g + 1]``.
        users: User per pair.
        items: Item per pair.
        shrinkage: A difference over *c* users has the weight ``c / (c + shrinkage)``.
        damping: Weight of a pseudo-item with value 0.
        part: Number of the part, from 0.
        n_parts: Number of parts.
    """
    offsets, rated, values = history
    starts, raters, theirs = rows
    firsts, cells, others = columns
    n_items = starts.shape[0] - 1
    n_groups = asked.shape[0] - 1
    sums = np.zeros((n_items, 2), np.float32)
    for g in range(part, n_groups, n_parts):
        item = items[asked[g]]
        sums[:] = 0
        for k in range(starts[item], starts[item + 1]):
            for m in range(firsts[raters[k]], firsts[raters[k] + 1]):
                sums[cells[m], 0] += 1
                sums[cells[m], 1] += theirs[k] - others[m]
        for p in range(asked[g], asked[g + 1]):
            total = weights = np.float32(0)
            for m in range(offsets[users[p]], offsets[users[p] + 1]):
                count = sums[rated[m], 0]
                if count > 0 and rated[m] != item:
                    weight = count / (count + shrinkage)
                    difference = sums[rated[m], 1] / count
                    total += np.float32(weight * (values[m] + difference))
                    weights += np.float32(weight)
            if weights > 0:
                means[p] = total / (weights + damping)

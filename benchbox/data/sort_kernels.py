"""Compiled loops that put ratings in order of user and item, bucket by bucket.

They hold no lock, so that threads can share the work. Compiled once per machine and
cached on disk.
"""

from typing import Any

import numba
import numpy as np

MOST_BITS = 12
"""Bits of a digit: the counts of all digits stay in the first-level cache."""


def _jit(function: Any) -> Any:
    return numba.njit(nogil=True, cache=True, error_model="numpy")(function)


@_jit
def count_groups(users, shift, counts):  # type: ignore[no-untyped-def]
    """Count ratings by group: the user's index without its last *shift* bits."""
    for k in range(users.shape[0]):
        counts[np.uint64(users[k]) >> np.uint64(shift)] += 1


@_jit
def deal(columns, first, shift, bucket_of, ends, out):  # type: ignore[no-untyped-def]
    """Move ratings to their buckets, in their order.

    Args:
        columns: Users, items, values and times, shape ``(n,)`` each; no times, shape
            ``(0,)``, if there are none.
        first: Row of the first rating in the source.
        shift: Number of bits that a user's index has more than its group's.
        bucket_of: Bucket by group.
        ends: Where in *out* each bucket continues, shape ``(n_buckets,)``; moved on.
        out: Columns to fill: users, items, values, times and rows.
    """
    users, items, values, times = columns
    to_users, to_items, to_values, to_times, to_rows = out
    has_times = times.shape[0] > 0
    for k in range(users.shape[0]):
        bucket = np.uint64(bucket_of[np.uint64(users[k]) >> np.uint64(shift)])
        # Unsigned, so that no index is checked for being negative.
        at = np.uint64(ends[bucket])
        ends[bucket] += 1
        to_users[at] = users[k]
        to_items[at] = items[k]
        to_values[at] = values[k]
        to_rows[at] = first + k
        if has_times:
            to_times[at] = times[k]


@_jit
def sort_buckets(starts, lows, item_bits, columns, scratch, part, n_parts):  # type: ignore[no-untyped-def]
    """Sort the ratings within every bucket ``part``, ``part + n_parts``, …, in place.

    Equal pairs keep their order.

    Args:
        starts: First rating of each bucket, and the end, shape ``(n_buckets + 1,)``.
        lows: Lowest user of each bucket, and the number of users.
        item_bits: Number of bits of the largest item.
        columns: Users, items, values, times and rows.
        scratch: Space for the largest bucket: two arrays of keys (int64), two of
            places, and one of values.
        part: First bucket.
        n_parts: Distance to the next.
    """
    # As int32, 16 KB. As many ratings as need more need it here, too.
    counts = np.zeros(1 << MOST_BITS, dtype=scratch[2].dtype)
    for bucket in range(part, starts.shape[0] - 1, n_parts):
        start, stop, low = starts[bucket], starts[bucket + 1], lows[bucket]
        users, items = columns[0][start:stop], columns[1][start:stop]
        keys, other_keys, places, other_places = scratch[:4]
        for k in range(stop - start):
            keys[k] = np.int64(users[k] - low) << item_bits | np.int64(items[k])
            places[k] = k
        n_bits = item_bits
        while (lows[bucket + 1] - 1 - low) >> (n_bits - item_bits):
            n_bits += 1
        n_passes = (n_bits + MOST_BITS - 1) // MOST_BITS
        width = (n_bits + n_passes - 1) // max(n_passes, 1)
        for digit in range(n_passes):
            _sort_by_digit(
                stop - start,
                (keys, places),
                (other_keys, other_places),
                digit * width,
                width,
                counts,
            )
            keys, other_keys = other_keys, keys
            places, other_places = other_places, places
        mask = (1 << item_bits) - 1
        for k in range(stop - start):
            users[k] = low + (keys[k] >> item_bits)
            items[k] = keys[k] & mask
        # The keys have served, so their space is free.
        _reorder(columns[2][start:stop], places, scratch[4])
        if columns[3].shape[0]:
            _reorder(columns[3][start:stop], places, keys)
        _reorder(columns[4][start:stop], places, keys)


@_jit
def _sort_by_digit(n, source, target, shift, width, counts):  # type: ignore[no-untyped-def]
    # A counting sort by `width` bits of the keys; what is equal keeps its order.
    (keys, places), (to_keys, to_places) = source, target
    mask = (1 << width) - 1
    for digit in range(1 << width):
        counts[digit] = 0
    for k in range(n):
        counts[np.uint64(keys[k] >> shift & mask)] += 1
    total = 0
    for digit in range(1 << width):
        total, counts[digit] = total + counts[digit], total
    for k in range(n):
        key = np.uint64(keys[k] >> shift & mask)
        at = np.uint64(counts[key])
        counts[key] += 1
        to_keys[at], to_places[at] = keys[k], places[k]


@_jit
def _reorder(column, places, spare):  # type: ignore[no-untyped-def]
    for k in range(column.shape[0]):
        spare[k] = column[k]
    for k in range(column.shape[0]):
        column[k] = spare[np.uint64(places[k])]

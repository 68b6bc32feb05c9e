"""Sorts ratings by user and item: small tables at once, large ones bucket by bucket."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.parallel import each
from benchbox.data.raw import Floats
from benchbox.ratings import IndexArray, Positions, Values, read_only

_LARGE = 5_000_000
"""Ratings from which compiled loops pay for loading the compiler: some 0.5 s."""

_BUCKET = 1 << 15
"""Ratings per bucket, few enough to be sorted in the CPU cache of one core."""

_MOST_BUCKETS = 1 << 10
_GROUP_BITS = 16
_MOST_IN_INT32 = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Unordered:
    """Ratings in any order.

    Attributes:
        users: User per rating, shape ``(n,)``.
        items: Item per rating, shape ``(n,)``.
        values: Rating, shape ``(n,)``.
        timestamps: Seconds since 1970, shape ``(n,)``; `None` if there are none.
        n_users: Number of users.
        n_items: Number of items.
    """

    users: IndexArray
    items: IndexArray
    values: Floats
    timestamps: NDArray[np.int64] | None
    n_users: int
    n_items: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Ordered:
    """Ratings sorted by user, then item; equal pairs in the order of the source.

    Attributes:
        users: User per rating, shape ``(n,)``.
        items: Item per rating, shape ``(n,)``.
        values: Rating, shape ``(n,)``.
        timestamps: Seconds since 1970, shape ``(n,)``; `None` if there are none.
        rows: Row of each rating in the source, shape ``(n,)``.
    """

    users: IndexArray
    items: IndexArray
    values: Values
    timestamps: NDArray[np.int64] | None
    rows: Positions

    def only(self, kept: Positions) -> "Ordered":
        """Return the ratings at some positions, shape ``(n_kept,)``."""
        times = self.timestamps
        return Ordered(
            users=mapped.gathered(self.users, kept),
            items=mapped.gathered(self.items, kept),
            values=mapped.gathered(self.values, kept),
            timestamps=None if times is None else mapped.gathered(times, kept),
            rows=mapped.gathered(self.rows, kept),
        )


def in_order(ratings: Unordered) -> Ordered:
    """Return *ratings* sorted by user, then item."""
    n = len(ratings.users)
    return _by_buckets(ratings) if n >= _LARGE else _at_once(ratings)


def _at_once(ratings: Unordered) -> Ordered:
    from scipy.sparse import coo_array

    # Each conversion is a counting sort; the two are 3 times as fast as one stable
    # argsort. The matrix values are row numbers. Declaring the format canonical keeps
    # scipy from searching for repeated pairs and adding up their row numbers.
    # As int32, they suffice for what is not large.
    numbers = np.arange(len(ratings.users), dtype=np.int32)
    shape = (ratings.n_items, ratings.n_users)
    marks = coo_array((numbers, (ratings.items, ratings.users)), shape=shape)
    marks.has_canonical_format = True
    by_user = marks.tocsr().tocsc()
    rows = by_user.data.astype(np.int64)
    counts = np.diff(by_user.indptr)
    times = ratings.timestamps
    return Ordered(
        users=np.repeat(np.arange(ratings.n_users, dtype=np.int32), counts),
        items=by_user.indices.astype(np.int32, copy=False),
        values=mapped.gathered(ratings.values, rows, np.float32),
        timestamps=None if times is None else mapped.gathered(times, rows),
        rows=rows,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Buckets:
    """Buckets of users with consecutive indexes.

    Attributes:
        of_group: Bucket by group of users.
        starts: First rating of each bucket, and the end, shape ``(n_buckets + 1,)``.
        lows: First user of each bucket, and the number of users.
        ends: Where each part of the ratings begins to fill each bucket, shape
            ``(n_parts, n_buckets)``.
    """

    of_group: NDArray[np.int32]
    starts: Positions
    lows: NDArray[np.int64]
    ends: NDArray[np.int64]


def _by_buckets(ratings: Unordered) -> Ordered:
    """Deal the ratings to buckets of users, then sort each in the cache.

    Everything moves along, since gathering it later costs more than sorting.
    """
    from benchbox.data.sort_kernels import count_groups, deal, sort_buckets

    n, columns = len(ratings.users), _columns_of(ratings)
    # One part per core: each has its own counts.
    n_parts = os.cpu_count() or 1
    cuts = [n * part // n_parts for part in range(n_parts + 1)]
    parts = [slice(*cuts[part : part + 2]) for part in range(n_parts)]
    last = ratings.n_users - 1
    shift = max(0, last.bit_length() - _GROUP_BITS)
    counts = np.zeros((n_parts, (last >> shift) + 1), dtype=np.int64)
    each(lambda p: count_groups(columns[0][parts[p]], shift, counts[p]), range(n_parts))
    buckets = _buckets_of(counts, shift, ratings.n_users)
    out = (
        mapped.empty(n, np.int32),
        mapped.empty(n, np.int32),
        mapped.empty(n, np.float32),
        mapped.empty(len(columns[3]), np.int64),
        mapped.empty(n, np.int64),
    )

    def fill_buckets(part: int) -> None:
        rows, ends = parts[part], buckets.ends[part]
        some = tuple(column[rows] for column in columns)
        deal(some, rows.start, shift, buckets.of_group, ends, out)

    def sort_some(part: int) -> None:
        scratch = _scratch(int(np.diff(buckets.starts).max()))
        item_bits = (ratings.n_items - 1).bit_length()
        places = (buckets.starts, buckets.lows)
        sort_buckets(*places, item_bits, out, scratch, part, n_parts)

    each(fill_buckets, range(n_parts))
    each(sort_some, range(n_parts))
    users, items, values, times, rows = out
    return Ordered(
        users=users,
        items=items,
        values=values,
        timestamps=None if ratings.timestamps is None else times,
        rows=rows,
    )


def _columns_of(ratings: Unordered) -> tuple[NDArray[Any], ...]:
    """Return users, items, values and times, which are empty if there are none."""
    times = ratings.timestamps
    columns = (
        np.ascontiguousarray(ratings.users, dtype=np.int32),
        np.ascontiguousarray(ratings.items, dtype=np.int32),
        np.ascontiguousarray(ratings.values),
        np.ascontiguousarray(() if times is None else times, dtype=np.int64),
    )
    # A loop is compiled again for columns that can be written to.
    return tuple(map(read_only, columns))


def _scratch(n: int) -> tuple[NDArray[Any], ...]:
    """Return the space in which a bucket of *n* ratings is sorted."""
    place = np.int32 if n <= _MOST_IN_INT32 else np.int64
    types = (np.int64, np.int64, place, place, np.float32)
    return tuple(np.empty(n, dtype=kind) for kind in types)


def _buckets_of(counts: NDArray[np.int64], shift: int, n_users: int) -> _Buckets:
    """Return buckets of about equal size.

    Args:
        counts: Number of ratings by part and group of users.
        shift: Number of bits that a user's index has more than its group's.
        n_users: Number of users.
    """
    sizes = counts.sum(axis=0)
    ends = np.cumsum(sizes)
    size = max(_BUCKET, int(ends[-1]) // _MOST_BUCKETS)
    _, of_group = np.unique((ends - sizes) // size, return_inverse=True)
    first = np.flatnonzero(np.diff(of_group, prepend=-1))
    shares = np.add.reduceat(counts, first, axis=1)
    starts = np.concatenate([[0], np.cumsum(shares.sum(axis=0))])
    earlier = np.cumsum(shares, axis=0) - shares
    return _Buckets(
        of_group=of_group.astype(np.int32),
        starts=starts,
        lows=np.append(first << shift, n_users),
        ends=starts[:-1] + earlier,
    )

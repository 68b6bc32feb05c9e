"""Grouping: ratings in compressed rows, sorted in parts if they are many."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.parallel import each, long_slices, slices
from benchbox.errors import DataError

MOST_AT_ONCE = 1 << 23
"""Ratings that are sorted at once; of each, some 40 bytes are in memory meanwhile."""

MOST_IN_32_BITS = int(np.iinfo(np.int32).max)
"""Positions of up to as many ratings are stored in 32 bits."""

_Index = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Grouped:
    """Ratings in compressed sparse rows (CSR), one row per user or per item.

    Arrays may be those of the `Ratings`, and must not be written to.

    Attributes:
        offsets: Row *r* is ``offsets[r]:offsets[r + 1]``, shape ``(n_rows + 1,)``.
        indices: Index on the other side per entry, increasing within a row, ``(n,)``.
        values: Rating per entry, shape ``(n,)``.
        order: Position of each entry in the original `Ratings`, int32 or int64, shape
            ``(n,)``; `None` if entries are in the order of the ratings.
        n_columns: Size of the index on the other side.
    """

    offsets: NDArray[np.int64]
    indices: _Index
    values: NDArray[np.float32]
    order: NDArray[Any] | None
    n_columns: int

    @property
    def counts(self) -> NDArray[np.int64]:
        """Ratings per row, shape ``(n_rows,)``."""
        return np.diff(self.offsets)

    @property
    def positions(self) -> NDArray[np.int64]:
        """Position of each entry in the original `Ratings`, shape ``(n,)``.

        They are computed on each call, and take 8 bytes per rating; `arranged` does
        with less.
        """
        if self.order is None:
            return np.arange(len(self.indices), dtype=np.int64)
        return self.order.astype(np.int64)

    def arranged(self, column: NDArray[Any]) -> NDArray[Any]:
        """Return *column* in the order of the entries; a large result is mapped.

        Args:
            column: A number per rating, in the order of the original `Ratings`, shape
                ``(n,)``. It is returned itself if that is the order already.
        """
        return column if self.order is None else mapped.gathered(column, self.order)


def group(
    keys: _Index,
    others: _Index,
    values: NDArray[np.float32],
    n_rows: int,
    n_columns: int,
) -> Grouped:
    """Return ratings with a row per key.

    Of many ratings, only some are sorted at once, and large results are mapped from
    temporary files, so that memory is bounded.

    Args:
        keys: Row per rating, shape ``(n,)``.
        others: Column per rating, shape ``(n,)``.
        values: Rating per pair, shape ``(n,)``.
        n_rows: Number of rows.
        n_columns: Number of columns.

    Raises:
        DataError: A pair is rated twice.
    """
    if pairs_rise(keys, others):
        return Grouped(
            offsets=_starts(keys, n_rows),
            indices=others,
            values=values,
            order=None,
            n_columns=n_columns,
        )
    if len(keys) <= MOST_AT_ONCE:
        by_key = _sorted(keys, others, n_rows, n_columns)
        indices = by_key.indices.astype(np.int32, copy=False)
        # NumPy takes elements by 64-bit numbers fastest.
        order = by_key.data.astype(np.int64)
        n_repeated = _n_repeated(keys[order], indices)
        found = Grouped(
            offsets=by_key.indptr.astype(np.int64),
            indices=indices,
            values=values[order],
            order=by_key.data.astype(_kind_of_positions(len(keys)), copy=False),
            n_columns=n_columns,
        )
    else:
        offsets = _starts(keys, n_rows)
        found, n_repeated = _in_buckets(keys, others, values, offsets, n_columns)
    if n_repeated:
        raise DataError(
            f"{n_repeated} of {len(keys)} ratings repeat a user-item pair that is "
            f"already rated. Keep one rating per user and item."
        )
    return found


def tally(column: NDArray[np.integer[Any]], n: int) -> NDArray[np.int64]:
    """Return how often each number below *n* occurs in *column*, shape ``(n,)``.

    NumPy alone would make a copy of the column in 64 bits.
    """
    counts = np.zeros(n, dtype=np.int64)
    for part in long_slices(len(column)):
        add_sums(counts, column[part], None)
    return counts


def add_sums(
    sums: NDArray[Any],
    groups: NDArray[np.integer[Any]],
    weights: NDArray[np.float64] | None,
) -> None:
    """Add the sum of the *weights* of each group to *sums*, in place.

    Args:
        sums: Shape ``(n_groups,)``.
        groups: Group per weight, shape ``(n,)``.
        weights: Shape ``(n,)``; by default, groups are counted.
    """
    if not len(groups):
        return
    first, last = 0, len(sums)
    if last > len(groups):
        # Of sorted ratings, a part is about few users, and the other sums stay.
        first, last = int(groups.min()), int(groups.max()) + 1
        groups = groups - first
    sums[first:last] += np.bincount(groups, weights, minlength=last - first)


def pairs_rise(first: _Index, second: _Index) -> bool:
    """Return whether pairs are distinct and sorted by *first*, then by *second*.

    Args:
        first: First index of each pair, shape ``(n,)``.
        second: Second index of each pair, shape ``(n,)``.
    """

    def rise(part: slice) -> bool:
        one = first[part.start : part.stop + 1]
        other = second[part.start : part.stop + 1]
        is_later = one[1:] > one[:-1]
        is_later |= (one[1:] == one[:-1]) & (other[1:] > other[:-1])
        return bool(is_later.all())

    # In most unsorted columns the first part already shows it.
    parts = slices(len(first))
    return all(map(rise, parts[:1])) and all(each(rise, parts[1:]))


def _starts(keys: _Index, n_rows: int) -> NDArray[np.int64]:
    """Return where each row starts among sorted *keys*, and the end."""
    return np.concatenate([[0], np.cumsum(tally(keys, n_rows))])


def _sorted(keys: _Index, others: _Index, n_rows: int, n_columns: int) -> Any:
    """Return positions as a sparse matrix of *keys* by *others*, rows sorted."""
    from scipy.sparse import coo_array, csc_array

    # scipy's counting sort is 4 times as fast as a stable argsort. It keeps the order
    # within a row, so rows are sorted if the other side is.
    order = np.arange(len(keys), dtype=np.int32)
    shape = (n_rows, n_columns)
    if pairs_rise(others, keys):
        starts = _starts(others, n_columns).astype(np.int32)
        return csc_array((order, keys, starts), shape=shape).tocsr()
    by_other = coo_array((order, (others, keys)), shape=shape[::-1])
    # Otherwise scipy would add up repeated pairs.
    by_other.has_canonical_format = True
    return by_other.tocsr().T.tocsr()


def _n_repeated(keys: _Index, others: _Index) -> int:
    """Return how many of the sorted pairs equal the one before."""
    return int(np.count_nonzero((np.diff(keys) == 0) & (np.diff(others) == 0)))


def _kind_of_positions(n: int) -> type[np.int32 | np.int64]:
    return np.int32 if n <= MOST_IN_32_BITS else np.int64


def _in_buckets(
    keys: _Index,
    others: _Index,
    values: NDArray[np.float32],
    offsets: NDArray[np.int64],
    n_columns: int,
) -> tuple[Grouped, int]:
    """Group ratings by ranges of keys first, and then sort one range after another.

    Both steps read and write files mostly from their start to their end.

    Returns:
        The ratings, and how many of them repeat a pair.
    """
    n = len(keys)
    places = mapped.empty(n, _kind_of_positions(n))
    found = Grouped(
        offsets=offsets,
        indices=mapped.empty(n, np.int32),
        values=mapped.empty(n, np.float32),
        order=places,
        n_columns=n_columns,
    )
    rows = mapped.empty(n, np.int32)
    bounds = _bounds(offsets)
    # 16 bits suffice for 10^12 ratings.
    range_of = np.repeat(np.arange(len(bounds) - 1, dtype=np.uint16), np.diff(bounds))
    starts = offsets[bounds[:-1]]
    for part, at, chosen in dealt(n, starts, lambda part: range_of[keys[part]]):
        rows[at] = keys[part][chosen]
        found.indices[at] = others[part][chosen]
        found.values[at] = values[part][chosen]
        places[at] = chosen + part.start
    n_repeated = 0
    for first, last in pairwise(bounds.tolist()):
        bucket = slice(offsets[first], offsets[last])
        mine = rows[bucket] - np.int32(first)
        by_key = _sorted(mine, found.indices[bucket], last - first, n_columns)
        order = by_key.data.astype(np.int64)
        n_repeated += _n_repeated(mine[order], by_key.indices)
        found.indices[bucket] = by_key.indices
        for column in (found.values, places):
            column[bucket] = column[bucket][order]
    return found, n_repeated


def _bounds(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first key per range of some `MOST_AT_ONCE` ratings, and the end."""
    numbers = offsets[:-1] // MOST_AT_ONCE
    firsts = np.flatnonzero(np.diff(numbers)) + 1
    return np.concatenate([[0], firsts, [len(numbers)]]).astype(np.int64)


def dealt(
    n: int,
    starts: NDArray[np.int64],
    ranges_of: Callable[[slice], NDArray[np.uint16]],
) -> Iterator[tuple[slice, slice, NDArray[np.int64]]]:
    """Yield which elements go where so that those of a range are together, in order.

    Args:
        n: Number of elements.
        starts: Where each range starts, shape ``(n_ranges,)``.
        ranges_of: Returns the range of each element of a part.

    Yields:
        A part of the elements; a slice of the places of some of them; which of the part
        they are, in order.
    """
    following = starts.tolist()
    for part in long_slices(n):
        ranges = ranges_of(part)
        # NumPy sorts 16-bit numbers by counting.
        order = np.argsort(ranges, kind="stable")
        ends = np.cumsum(np.bincount(ranges, minlength=len(following))).tolist()
        for number, (start, end) in enumerate(pairwise([0, *ends])):
            if start < end:
                at = following[number]
                following[number] += end - start
                yield part, slice(at, following[number]), order[start:end]

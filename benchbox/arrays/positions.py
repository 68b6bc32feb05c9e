"""Positions of many elements, chosen or sorted part by part, so that memory is bounded.

Large results are mapped from temporary files.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.grouping import dealt, tally
from benchbox.arrays.parallel import each, fill, long_slices, slices

AT_ONCE = 1 << 21
"""Elements that are sorted at once by each thread; of each, some 50 bytes are in memory
meanwhile."""

_MOST_BITS = 16

_Positions = NDArray[np.int64]


def every_position(n: int) -> _Positions:
    """Return the numbers below *n*, shape ``(n,)``."""
    positions = mapped.empty(n, np.int64)
    fill(positions, lambda part: np.arange(part.start, part.stop))
    return positions


def positions_where(
    n: int, is_chosen: Callable[[slice], NDArray[np.bool_]]
) -> _Positions:
    """Return the positions of the chosen elements, increasing, shape ``(n_chosen,)``.

    Args:
        n: Number of elements.
        is_chosen: Returns whether each element of a part is chosen. It is called twice.
    """
    parts = slices(n)
    counts = each(lambda part: int(np.count_nonzero(is_chosen(part))), parts)
    ends = np.cumsum(counts, dtype=np.int64)
    chosen = mapped.empty(int(ends[-1]) if parts else 0, np.int64)

    def put(number: int) -> None:
        part, end = parts[number], ends[number]
        mine = np.flatnonzero(is_chosen(part))
        chosen[end - len(mine) : end] = mine + part.start

    each(put, range(len(parts)))
    return chosen


def marked(flags: NDArray[np.bool_]) -> _Positions:
    """Return the positions of the flags that are set, increasing."""
    return positions_where(len(flags), lambda part: flags[part])


def repeated(
    first: NDArray[Any], second: NDArray[Any], order: _Positions | None = None
) -> _Positions:
    """Return the places of sorted pairs that equal the pair before, increasing.

    Args:
        first: First number of each pair, shape ``(n,)``.
        second: Second number of each pair, shape ``(n,)``.
        order: Positions that sort the pairs, shape ``(n,)``; by default they are
            sorted.
    """

    def is_repeated(part: slice) -> NDArray[np.bool_]:
        start = max(part.start, 1)
        at: Any = slice(start - 1, part.stop)
        at = at if order is None else order[at]
        is_same = np.zeros(part.stop - part.start, dtype=bool)
        is_same[start - part.start :] = True
        for column in (first, second):
            is_same[start - part.start :] &= np.diff(column[at]) == 0
        return is_same

    return positions_where(len(first), is_repeated)


def runs_of(repeats: _Positions) -> tuple[_Positions, _Positions]:
    """Return the places of all that are repeated, with the first of each run.

    Args:
        repeats: What `repeated` returns.

    Returns:
        The places, increasing, and where each run starts among them.
    """
    firsts = repeats[np.diff(repeats, prepend=-2) != 1] - 1
    members = np.sort(np.concatenate([firsts, repeats]))
    return members, np.searchsorted(members, firsts)


def is_rising(numbers: NDArray[np.integer[Any]]) -> bool:
    """Return whether each number is above the one before."""

    def rises(part: slice) -> bool:
        some = numbers[part.start : part.stop + 1]
        return bool((some[1:] > some[:-1]).all())

    return all(each(rises, slices(len(numbers))))


def order_of(draws: NDArray[np.uint64]) -> _Positions:
    """Return the positions that sort random numbers; of equal ones, the first is first.

    Args:
        draws: Numbers that are uniform over 64 bits, shape ``(n,)``.
    """
    if len(draws) <= AT_ONCE:
        return np.argsort(draws, kind="stable")
    # As many ranges of equal width as give them some `AT_ONCE` numbers each.
    bits = min((len(draws) // AT_ONCE).bit_length(), _MOST_BITS)
    shift = np.uint64(64 - bits)

    def ranges_of(part: slice) -> NDArray[np.uint16]:
        return (draws[part] >> shift).astype(np.uint16)

    return _sorted_by_range(
        len(draws),
        1 << bits,
        ranges_of,
        lambda places: np.argsort(draws[places], kind="stable"),
    )


def order_within(
    groups: NDArray[np.integer[Any]], n_groups: int, keys: NDArray[Any] | None = None
) -> _Positions:
    """Return the positions sorted by group, within it by key, and then by position.

    Args:
        groups: Group per element, in ``[0, n_groups)``, shape ``(n,)``.
        n_groups: Number of groups.
        keys: What elements of a group are sorted by, shape ``(n,)``; by default they
            stay in their order.
    """

    def sort(at: slice | _Positions) -> _Positions:
        if keys is None:
            return np.argsort(groups[at], kind="stable")
        return _order_of_pairs(groups[at], keys[at])

    if len(groups) <= AT_ONCE:
        return sort(slice(None))
    counts = tally(groups, n_groups)
    size = max(AT_ONCE, len(groups) // ((1 << _MOST_BITS) - 1))
    range_of = ((np.cumsum(counts) - counts) // size).astype(np.uint16)
    n_ranges = int(range_of[-1]) + 1
    return _sorted_by_range(
        len(groups), n_ranges, lambda part: range_of[groups[part]], sort
    )


def _order_of_pairs(groups: NDArray[Any], keys: NDArray[Any]) -> _Positions:
    if len(keys) and keys.dtype.kind == "i":
        low = int(keys.min())
        span = int(keys.max()) - low + 1
        if span * (int(groups.max()) + 1) < 2**63:
            # A single number for both is sorted in a tenth of the time.
            both = groups.astype(np.int64) * span + (keys.astype(np.int64) - low)
            return np.argsort(both, kind="stable")
    return np.lexsort((keys, groups))


def _sorted_by_range(
    n: int,
    n_ranges: int,
    ranges_of: Callable[[slice], NDArray[np.uint16]],
    order: Callable[[_Positions], _Positions],
) -> _Positions:
    """Return positions sorted by range, and within each as *order* sorts them."""
    counts = np.zeros(n_ranges, dtype=np.int64)
    for part in long_slices(n):
        counts += np.bincount(ranges_of(part), minlength=n_ranges)
    ends = np.cumsum(counts)
    places = mapped.empty(n, np.int64)
    for part, at, chosen in dealt(n, ends - counts, ranges_of):
        places[at] = chosen + part.start

    def sort(at: slice) -> None:
        mine = places[at]
        places[at] = mine[order(mine)]

    each(sort, [slice(*ends) for ends in pairwise([0, *ends.tolist()])])
    return places

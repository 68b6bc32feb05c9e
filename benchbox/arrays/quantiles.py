"""Quantiles of whole numbers, found by counting, so that memory is bounded."""

from math import floor

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays.parallel import long_slices, total

AT_ONCE = 1 << 23
"""Numbers that are sorted at once."""

_N_BINS = 1 << 16


def quantile_of(numbers: NDArray[np.int64], quantile: float) -> float:
    """Return a quantile of whole numbers, interpolated as `numpy.quantile` does.

    Args:
        numbers: At least one, in any order, shape ``(n,)``.
        quantile: Share of them that is not above it, in [0, 1].
    """
    if len(numbers) <= AT_ONCE:
        return float(np.quantile(numbers, quantile))
    place = (len(numbers) - 1) * quantile
    below = floor(place)
    above = min(below + 1, len(numbers) - 1)
    ends = [_ranked(numbers, below), _ranked(numbers, above)]
    return float(np.quantile(np.array(ends, dtype=np.int64), place - below))


def _ranked(numbers: NDArray[np.int64], rank: int) -> int:
    """Return the number of a rank, counted from 0, as if they were sorted."""
    low, high = int(numbers.min()), int(numbers.max())
    while low < high:
        # Each pass narrows the range to a bin of 65,536.
        width = (high - low) // _N_BINS + 1
        counts = _counts(numbers, low, high, width)
        ends = np.cumsum(counts)
        number = int(np.searchsorted(ends, rank, side="right"))
        rank -= int(ends[number] - counts[number])
        low += number * width
        high = min(high, low + width - 1)
    return low


def _counts(
    numbers: NDArray[np.int64], low: int, high: int, width: int
) -> NDArray[np.int64]:
    """Return how many numbers between *low* and *high* are in each bin."""

    def count(part: slice) -> NDArray[np.int64]:
        some = numbers[part]
        inside = some[(some >= low) & (some <= high)]
        # Unsigned, the difference of any two numbers fits into 64 bits.
        since = inside.view(np.uint64) - np.uint64(low % 2**64)
        bins = (since // np.uint64(width)).astype(np.int64)
        return np.bincount(bins, minlength=_N_BINS)

    return total(count, long_slices(len(numbers)), np.add)

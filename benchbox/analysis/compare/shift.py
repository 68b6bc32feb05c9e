"""Rank-based difference of two samples of times, for any distribution of noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import comb, sqrt

import numpy as np

_MOST_EXACT = 40
"""With more samples per side, the normal approximation is used."""


_LEAST_VALUES = 6


@dataclass(frozen=True, slots=True)
class Shift:
    """The shift from the first sample to the second.

    Attributes:
        value: Median of all differences (the Hodges–Lehmann estimate).
        low: Lower end of the confidence interval.
        high: Upper end of the confidence interval.
    """

    value: float
    low: float
    high: float


def shift(
    first: Sequence[float], second: Sequence[float], *, error_rate: float
) -> Shift | None:
    """Return the shift between two samples with its exact interval.

    The interval inverts the Mann–Whitney test: it excludes 0 if and only if the test
    rejects (Mann & Whitney, 1947, doi:10.1214/aoms/1177730491).

    Args:
        first: First sample, of independent values.
        second: Second sample, of independent values.
        error_rate: Share of cases in which the interval may miss the true shift.

    Returns:
        The shift; `None` if there are too few values to ever differ significantly.
    """
    reach = _critical(len(first), len(second), error_rate)
    if reach is None:
        return None
    differences = np.sort(np.subtract.outer(np.asarray(second), first).ravel())
    return Shift(
        value=float(np.median(differences)),
        low=float(differences[reach]),
        high=float(differences[-1 - reach]),
    )


def n_needed(error_rate: float) -> int:
    """Return the number of values per side needed for a verdict.

    It is the least number with which the test can reject, but at least 6: with 5, one
    value out of order would hide any difference.
    """
    n = _LEAST_VALUES
    while 2 / comb(2 * n, n) > error_rate:
        n += 1
    return n


def _critical(n: int, m: int, error_rate: float) -> int | None:
    """Return the largest U that rejects in a one-sided test at half the error rate."""
    if not n or not m or 2 / comb(n + m, n) > error_rate:
        return None
    if max(n, m) > _MOST_EXACT:
        from scipy.stats import norm

        reach = float(norm.isf(error_rate / 2)) * sqrt(n * m * (n + m + 1) / 12)
        return max(0, int(n * m / 2 - reach) - 1)
    counts = _counts(n, m)
    most = error_rate / 2 * comb(n + m, n)
    total, reach_exact = 0, -1
    while total + counts[reach_exact + 1] <= most:
        reach_exact += 1
        total += counts[reach_exact]
    return reach_exact


@cache
def _counts(n: int, m: int) -> tuple[int, ...]:
    """Return the number of orderings of *n* and *m* values for each value of U."""
    if not n or not m:
        return (1,)
    # The largest value is on one side, where it beats all m, or on the other.
    counts = [0] * (n * m + 1)
    for u, count in enumerate(_counts(n - 1, m)):
        counts[u + m] += count
    for u, count in enumerate(_counts(n, m - 1)):
        counts[u] += count
    return tuple(counts)

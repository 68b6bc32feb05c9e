"""Summary statistics of durations."""

from collections.abc import Sequence

import msgspec
import numpy as np

_FAR = 3.0
"""A duration this many IQRs outside the quartiles is an outlier (Tukey, 1977)."""

_RESOLUTION = 1e-6
"""Durations that differ by fewer seconds count as equal."""


class Durations(msgspec.Struct, frozen=True, kw_only=True):
    """Summary of repeated timings of the same thing.

    Attributes:
        n: Number of timings.
        median_seconds: Median.
        low_seconds: First quartile.
        high_seconds: Third quartile.
        p99_seconds: 99th percentile.
        n_outliers: Number of durations more than 3 IQR outside the quartiles; all
            figures include them.
    """

    n: int
    median_seconds: float
    low_seconds: float
    high_seconds: float
    p99_seconds: float
    n_outliers: int


def summarise(seconds: Sequence[float]) -> Durations:
    """Return the summary of at least one duration."""
    values = np.asarray(seconds, dtype=float)
    low, middle, high, p99 = np.quantile(values, [0.25, 0.5, 0.75, 0.99])
    # Equal durations have an IQR of 0; rounding errors must not become outliers.
    far = _FAR * max(high - low, _RESOLUTION)
    outside = (values < low - far) | (values > high + far)
    return Durations(
        n=len(values),
        median_seconds=float(middle),
        low_seconds=float(low),
        high_seconds=float(high),
        p99_seconds=float(p99),
        n_outliers=int(outside.sum()),
    )

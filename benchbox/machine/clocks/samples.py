"""Samples: durations in a few figures, with outliers counted and none left out."""

from collections.abc import Sequence

import msgspec
import numpy as np

_FAR = 3.0
"""Quartile distances beyond which a duration is an outlier (Tukey, 1977)."""

_RESOLUTION = 1e-6
"""Seconds by which durations may differ and be the same."""


class Durations(msgspec.Struct, frozen=True, kw_only=True):
    """How long something took, time after time.

    Attributes:
        n: How often it was timed.
        median_seconds: The duration in the middle.
        low_seconds: First quartile.
        high_seconds: Third quartile; less the first it is the IQR.
        p99_seconds: Duration that one in a hundred exceeds.
        n_outliers: Durations more than 3 IQR outside the quartiles; they are counted
            in all figures.
    """

    n: int
    median_seconds: float
    low_seconds: float
    high_seconds: float
    p99_seconds: float
    n_outliers: int


def summarise(seconds: Sequence[float]) -> Durations:
    """Return the figures of at least one duration."""
    values = np.asarray(seconds, dtype=float)
    low, middle, high, p99 = np.quantile(values, [0.25, 0.5, 0.75, 0.99])
    # Equal durations have no IQR, and what differs by nothing is no outlier.
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

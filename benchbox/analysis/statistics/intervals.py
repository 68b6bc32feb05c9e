"""Confidence intervals, and the interval of a mean difference over folds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt

import numpy as np

CONFIDENCE = 0.95

OVER_USERS = "these fitted models, over users like these"
"""Estimand: the score of these fitted models over all users of this kind."""

OVER_FOLDS = "models fitted again, over folds of these ratings"
"""Estimand: the mean score of these models over splits, fitted again on each."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A range that covers the true value in a share `CONFIDENCE` of cases.

    Attributes:
        low: Lower end.
        high: Upper end.
    """

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def spread(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation; `None` for fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def paired_interval(
    differences: Sequence[float],
    hidden_share: float,
    confidence: float = CONFIDENCE,
    *,
    n_models: int = 2,
) -> Interval | None:
    """Return the interval of a mean difference between two models over folds.

    Folds share training ratings, so their differences are not independent. To correct
    for this, the variance is increased by the ratio of hidden to training ratings
    (Nadeau & Bengio, 2003, doi:10.1023/A:1024068626366).

    The best of many models is best partly by luck, so a comparison with it is one of
    all pairs. Then the quantile is that of the studentised range, while each pair keeps
    its own error (Games & Howell, 1976, doi:10.3102/10769986001002113). With two models
    this is the t test.

    Args:
        differences: Difference per fold, with both models on the same hidden ratings.
        hidden_share: Hidden ratings of a fold divided by its training ratings.
        confidence: Share of cases in which the intervals of all pairs cover the true
            values.
        n_models: Number of models whose pairs are compared.

    Returns:
        The interval; `None` for fewer than two folds, which have no spread.
    """
    n = len(differences)
    if n < 2:
        return None
    deviation = float(np.std(differences, ddof=1))
    reach = _quantile(confidence, n_models, n - 1) * deviation
    reach *= sqrt(1 / n + hidden_share)
    mean = float(np.mean(differences))
    return Interval(mean - reach, mean + reach)


@cache
def _quantile(confidence: float, n_models: int, n_free: int) -> float:
    from scipy.stats import studentized_range, t

    if n_models == 2:
        return float(t.ppf((1 + confidence) / 2, n_free))
    return float(studentized_range.ppf(confidence, n_models, n_free)) / sqrt(2)

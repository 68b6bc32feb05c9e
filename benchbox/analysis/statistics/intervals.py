"""Intervals: ranges that cover a truth, and how far means over folds reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

CONFIDENCE = 0.95

OVER_USERS = "these fitted models, over users like these"
"""Estimand: what the models as they are would score on all users of this kind."""

OVER_FOLDS = "models fitted anew, over folds of these ratings"
"""Estimand: what the same recipes would score on average over splits and refits."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A range that covers the truth in `CONFIDENCE` of cases, if its model holds."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def spread(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation; `None` for fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def paired_interval(
    differences: Sequence[float], hidden_share: float, confidence: float = CONFIDENCE
) -> Interval | None:
    """Return the interval of a mean difference between two models over folds.

    Folds share training ratings, so their differences are not independent; the
    variance is widened by the ratio of hidden to training ratings (Nadeau & Bengio,
    2003, doi:10.1023/A:1024068626366).

    Args:
        differences: One difference per fold, both models on the same hidden ratings.
        hidden_share: Hidden ratings of a fold divided by its training ratings.
        confidence: How often the interval covers the truth.

    Returns:
        The interval; `None` for fewer than two folds, which tell nothing of spread.
    """
    n = len(differences)
    if n < 2:
        return None
    from scipy.stats import t

    deviation = float(np.std(differences, ddof=1))
    reach = float(t.ppf((1 + confidence) / 2, n - 1)) * deviation
    reach *= sqrt(1 / n + hidden_share)
    mean = float(np.mean(differences))
    return Interval(mean - reach, mean + reach)

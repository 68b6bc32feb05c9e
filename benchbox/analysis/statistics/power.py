"""Power: how much more must be measured to make a difference significant."""

from collections.abc import Sequence
from math import ceil, sqrt
from statistics import fmean

import numpy as np

from benchbox.analysis.statistics.intervals import CONFIDENCE, spread
from benchbox.analysis.statistics.paired import Effect

POWER = 0.8
"""How often the larger experiment should find the difference, were it as measured."""

_MOST_FOLDS = 1000


def users_needed(effect: Effect) -> int | None:
    """Return how many users would make it significant; `None` if nothing differs."""
    if not effect.difference or not effect.standard_error:
        return None
    errors = effect.difference / effect.standard_error
    return max(effect.n_users, ceil(effect.n_users * (_reach() / errors) ** 2))


def fits_needed(
    difference: float, seed_deviations: Sequence[float], n_folds: int
) -> int | None:
    """Return how many fits a fold keep seeds from hiding the difference.

    Args:
        difference: Of the two models, in the metric's unit.
        seed_deviations: Standard deviation over fits of each, 0 if deterministic.
        n_folds: Folds over which the fits are averaged.

    Returns:
        The number; `None` if there is no difference to tell.
    """
    if not difference:
        return None
    variance = sum(deviation**2 for deviation in seed_deviations) / n_folds
    return max(1, ceil(variance * (_reach() / difference) ** 2))


def seeds_may_explain(
    difference: float, seed_deviations: Sequence[float], n_fits: Sequence[int]
) -> bool:
    """Return whether seeds alone make a difference as large in 5 % of cases or more.

    Args:
        difference: Of the two models, in the metric's unit.
        seed_deviations: Standard deviation over fits of each, 0 if deterministic.
        n_fits: Fits of each over all folds.
    """
    from scipy.stats import norm

    variance = sum(d**2 / n for d, n in zip(seed_deviations, n_fits, strict=True))
    reach = float(norm.ppf((1 + CONFIDENCE) / 2))
    return variance > 0 and abs(difference) <= reach * sqrt(variance)


def folds_needed(differences: Sequence[float], hidden_share: float) -> int | None:
    """Return how many folds make the difference significant, by `paired_interval`.

    Args:
        differences: One difference per fold, at least two folds.
        hidden_share: Hidden ratings of a fold divided by its training ratings.

    Returns:
        The number; `None` if no number would, as the folds share too many ratings.
    """
    from scipy.stats import t

    mean, deviation = abs(fmean(differences)), spread(differences)
    if deviation is None or not mean:
        return None
    n = np.arange(2, _MOST_FOLDS + 1)
    reaches = t.ppf((1 + CONFIDENCE) / 2, n - 1) * np.sqrt(1 / n + hidden_share)
    enough = n[reaches * deviation < mean]
    return int(enough[0]) if len(enough) else None


def _reach() -> float:
    """Return how many standard errors make a difference significant so often."""
    from scipy.stats import norm

    return float(norm.ppf((1 + CONFIDENCE) / 2) + norm.ppf(POWER))

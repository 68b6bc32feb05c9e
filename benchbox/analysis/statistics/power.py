"""Power: how many users, folds or fits would make a difference significant."""

from collections.abc import Sequence
from math import ceil, sqrt
from statistics import fmean

import numpy as np

from benchbox.analysis.statistics.intervals import CONFIDENCE, spread
from benchbox.analysis.statistics.paired import Effect

POWER = 0.8
"""How often the larger experiment should detect the difference, if it is as measured.
"""

_MOST_FOLDS = 1000


def users_needed(effect: Effect) -> int | None:
    """Return the number of users needed for significance; `None` if nothing differs."""
    if not effect.difference or not effect.standard_error:
        return None
    errors = effect.difference / effect.standard_error
    return max(effect.n_users, ceil(effect.n_users * (_reach() / errors) ** 2))


def fits_needed(
    difference: float, seed_deviations: Sequence[float], n_folds: int
) -> int | None:
    """Return the number of fits per fold needed so that seeds do not hide a difference.

    Args:
        difference: Difference of two models, in the metric's unit.
        seed_deviations: Standard deviation over fits of each model; 0 for
            deterministic ones.
        n_folds: Number of folds over which the fits are averaged.

    Returns:
        The number; `None` if there is no difference.
    """
    if not difference:
        return None
    variance = sum(deviation**2 for deviation in seed_deviations) / n_folds
    return max(1, ceil(variance * (_reach() / difference) ** 2))


def seeds_may_explain(
    difference: float, seed_deviations: Sequence[float], n_fits: Sequence[int]
) -> bool:
    """Return whether seeds alone cause such a difference in 5 % of cases or more.

    Args:
        difference: Difference of two models, in the metric's unit.
        seed_deviations: Standard deviation over fits of each model; 0 for
            deterministic ones.
        n_fits: Number of fits of each model, over all folds.
    """
    from scipy.stats import norm

    variance = sum(d**2 / n for d, n in zip(seed_deviations, n_fits, strict=True))
    reach = float(norm.ppf((1 + CONFIDENCE) / 2))
    return variance > 0 and abs(difference) <= reach * sqrt(variance)


def folds_needed(differences: Sequence[float], hidden_share: float) -> int | None:
    """Return the number of folds needed for significance, by `paired_interval`.

    Args:
        differences: Difference per fold; at least two folds.
        hidden_share: Hidden ratings of a fold divided by its training ratings.

    Returns:
        The number; `None` if no number is enough, as folds share too many ratings.
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
    """Return how many standard errors a difference needs for this power."""
    from scipy.stats import norm

    return float(norm.ppf((1 + CONFIDENCE) / 2) + norm.ppf(POWER))

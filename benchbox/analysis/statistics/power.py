"""Power: how many users, folds or fits would make a difference significant."""

from collections.abc import Sequence
from math import ceil
from statistics import fmean

import numpy as np

from benchbox.analysis.statistics.intervals import CONFIDENCE, Interval, spread
from benchbox.analysis.statistics.paired import Effect
from benchbox.analysis.statistics.seeds import SeedSpread, reach, seed_doubts

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
    difference: float, spreads: Sequence[SeedSpread | None], n_folds: int
) -> int | None:
    """Return the number of fits per fold needed so that seeds do not hide a difference.

    Args:
        difference: Difference of two models, in the metric's unit.
        spreads: Spread over seeds of each model; `None` if unknown.
        n_folds: Number of folds over which the fits are averaged.

    Returns:
        The number; `None` if there is no difference, or a spread is unknown.
    """
    known = [spread for spread in spreads if spread is not None]
    if not difference or len(known) < len(spreads):
        return None
    variance = sum(spread.deviation**2 for spread in known) / n_folds
    return max(1, ceil(variance * (_reach() / difference) ** 2))


def seeds_may_explain(
    difference: float,
    spreads: tuple[SeedSpread | None, SeedSpread | None],
    over_folds: Interval | None,
) -> bool:
    """Return whether seeds alone cause such a difference in 5 % of cases or more.

    Without a second seed this is unknown, so they may, unless the models were fitted
    on several folds and the interval over these refits excludes 0.

    Args:
        difference: Difference of two models, in the metric's unit.
        spreads: Spread over seeds of each model; `None` if unknown.
        over_folds: Interval of the difference over folds, if there are several.
    """
    first, second = spreads
    if first is None or second is None:
        return over_folds is None or 0.0 in over_folds
    half = reach(seed_doubts(first, second), 1 - CONFIDENCE)
    return half > 0 and abs(difference) <= half


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

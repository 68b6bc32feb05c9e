"""How far fits with other seeds could move a difference of two models."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt

from benchbox.analysis.statistics.components import components


@dataclass(frozen=True, slots=True)
class Doubt:
    """One source of error of a difference.

    Attributes:
        variance: Its part of the variance of the difference.
        n_free: Degrees of freedom with which the variance was estimated.
    """

    variance: float
    n_free: float


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """The spread of a model's score over fits with different seeds.

    Attributes:
        deviation: Standard deviation over fits on one fold, in the metric's unit.
        n_free: Degrees of freedom with which it was estimated; 0 if it is known to be
            0, as the model does not depend on the seed.
        share: Variance of the mean over folds and fits, divided by that of one fit.
    """

    deviation: float
    n_free: int
    share: float

    def scaled(self, factor: float) -> "SeedSpread":
        """Return the spread in another unit."""
        return SeedSpread(self.deviation * factor, self.n_free, self.share)


def seed_spread(
    fits: Sequence[Sequence[float]], *, is_stochastic: bool
) -> SeedSpread | None:
    """Return the spread over seeds of a model's scores.

    Args:
        fits: Scores of all fits, per fold; at least one each.
        is_stochastic: Whether the model depends on the seed.

    Returns:
        The spread; `None` if it is unknown, as no fold was fitted with two seeds. An
        unknown spread is not a spread of 0.
    """
    share = fsum(1 / len(of_fold) for of_fold in fits) / len(fits) ** 2
    deviation = components(fits).seed_deviation
    if deviation is not None:
        n_free = sum(len(of_fold) - 1 for of_fold in fits)
        return SeedSpread(deviation, n_free, share)
    return None if is_stochastic else SeedSpread(0.0, 0, share)


def seed_doubts(first: SeedSpread, second: SeedSpread) -> list[Doubt]:
    """Return what seeds add to the variance of a difference of two models.

    Two fits a side say little about a spread. So if both sides have equally many, one
    spread is estimated from both, as in the t test of two samples of equal size, which
    holds well when the spreads differ after all.
    """
    estimated = [spread for spread in (first, second) if spread.n_free]
    doubts = [Doubt(s.deviation**2 * s.share, s.n_free) for s in estimated]
    if len(doubts) == 2 and first.n_free == second.n_free:
        total = fsum(doubt.variance for doubt in doubts)
        return [Doubt(total, 2 * first.n_free)]
    return doubts


def reach(doubts: Sequence[Doubt], error_rate: float) -> float:
    """Return the half-width of a confidence interval.

    Each doubt has a t quantile of its own, and the parts are added as squares, which is
    exact for one doubt, and conservative for several (Howe, 1974,
    doi:10.1080/01621459.1974.10480177). Pooling the degrees of freedom instead
    (Welch, 1947) would trust a spread from two fits that happens to be small.

    Args:
        doubts: Independent sources of error.
        error_rate: Share of cases in which the interval may miss the true value.
    """
    from scipy.stats import t

    parts = (d.variance * float(t.isf(error_rate / 2, d.n_free)) ** 2 for d in doubts)
    return sqrt(fsum(parts))

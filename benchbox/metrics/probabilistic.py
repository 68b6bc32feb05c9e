"""Metrics of predicted distributions: log score, CRPS and coverage.

Both scores are proper: no other distribution than the true one can expect a better one
(Gneiting & Raftery 2007, doi:10.1198/016214506000001437). Distributions are clipped to
the rating scale as predictions are, if the run clips: what lies beyond an end sits on
that end.
"""

from collections.abc import Callable, Iterator
from functools import partial
from math import pi, sqrt

import numpy as np

from benchbox.metrics.distribution import (
    Distribution,
    NormalDistribution,
    StepDistribution,
)
from benchbox.metrics.metric import Metric
from benchbox.metrics.scored import Floats, Score, Scored
from benchbox.ratings import RatingScale

LEAST_PROBABILITY = 1e-6
"""In the log score: a single rating that a model holds impossible must not decide."""

_CHUNK = 1 << 15

_NEAR = 1e-5
"""Relative difference of a rating and a step that comes from rounding to float32."""


def mass_around(
    distribution: Distribution, actual: Floats, scale: RatingScale
) -> tuple[Floats, Floats]:
    """Return the probability below each rating's step, and up to its end.

    Of a normal distribution on a scale with steps, a step has all that is nearest to
    it, and the ends of the scale have all beyond them. Without steps, both
    probabilities are the same.

    Args:
        distribution: Distribution per rating.
        actual: The ratings, shape ``(n,)``.
        scale: Scale of the ratings.

    Returns:
        Two arrays of shape ``(n,)``.
    """
    if isinstance(distribution, StepDistribution):
        steps = distribution.steps.astype(np.float64)
        near = _NEAR * np.maximum(1, np.abs(actual))
        mass = _cumulated(distribution)
        first = np.searchsorted(steps, actual - near, side="left")
        after = np.searchsorted(steps, actual + near, side="right")
        rows = np.arange(len(actual))
        return mass[rows, first], mass[rows, after]
    if scale.step is None:
        level = _below(distribution, actual)
        return level, level
    half = scale.step / 2
    below, upto = (_below(distribution, actual + edge) for edge in (-half, half))
    # Rounded and clipped, an end of the scale takes all beyond it.
    below[actual - half < scale.low] = 0
    upto[actual + half > scale.high] = 1
    return below, upto


def log_scores(
    distribution: Distribution, actual: Floats, scale: RatingScale
) -> Floats:
    """Return the log score of each rating, in nats, lower is better, shape ``(n,)``."""
    if isinstance(distribution, NormalDistribution) and scale.step is None:
        spread = distribution.spread.astype(np.float64)
        off: Floats = (actual - distribution.mean) / spread
        return np.log(spread * sqrt(2 * pi)) + np.square(off) / 2
    below, upto = mass_around(distribution, actual, scale)
    return -np.log(np.maximum(upto - below, LEAST_PROBABILITY))


def crps_of(distribution: Distribution, actual: Floats) -> Floats:
    """Return the continuous ranked probability score of each rating, shape ``(n,)``.

    It is the integral of ``(F(x) - [x >= r])^2``, in the unit of the ratings, and the
    absolute error for a model that is sure. Both forms are exact: the sum over the
    pieces of a step function, and for a normal distribution the closed form of Gneiting
    & Raftery (2007, equation 21), here with ends, beyond which ``F`` is 0 and 1. On a
    scale with steps it is taken as it is, not rounded to them.
    """
    if isinstance(distribution, StepDistribution):
        return _crps_of_steps(distribution, actual)
    mean, spread = (
        column.astype(np.float64) for column in (distribution.mean, distribution.spread)
    )
    inside = np.clip(actual, distribution.low, distribution.high)
    low, rating, high = (
        (end - mean) / spread for end in (distribution.low, inside, distribution.high)
    )
    left = _integral(rating) - _integral(low)
    right = _integral(-rating) - _integral(-high)
    found: Floats = spread * (left + right) + np.abs(actual - inside)
    return found


def interval_hits(below: Floats, upto: Floats, level: float) -> Floats:
    """Return how much of each rating's step is in the central interval.

    Where ratings have steps, an interval of whole steps would hold more than its
    nominal share. So a step that an end of the interval cuts counts in part, and the
    mean is *level* for a model that is right (the probability integral transform
    without randomisation of Czado, Gneiting & Held 2009,
    doi:10.1111/j.1541-0420.2009.01191.x).

    Args:
        below: Probability below each rating's step, as of `mass_around`.
        upto: Probability up to its end.
        level: Nominal share of the interval, such as 0.8.
    """
    low, high = (1 - level) / 2, (1 + level) / 2
    width = upto - below
    within = np.clip(upto, low, high) - np.clip(below, low, high)
    is_inside = (low <= below) & (upto <= high)
    hits: Floats = is_inside.astype(np.float64)
    return np.divide(within, width, out=hits, where=width > 0)


def _below(distribution: NormalDistribution, at: Floats) -> Floats:
    from scipy.special import ndtr

    found: Floats = ndtr((at - distribution.mean) / distribution.spread)
    return found


def _cumulated(distribution: StepDistribution) -> Floats:
    """Return the probability of the first 0, 1, … k steps, shape ``(n, k + 1)``."""
    rows = distribution.probabilities.astype(np.float64)
    mass = np.zeros((len(rows), rows.shape[1] + 1))
    np.cumsum(rows, axis=1, out=mass[:, 1:])
    mass /= mass[:, -1:]
    return mass


def _crps_of_steps(distribution: StepDistribution, actual: Floats) -> Floats:
    steps = distribution.steps.astype(np.float64)
    mass = _cumulated(distribution)[:, 1:-1]
    widths = np.diff(steps)
    # The part of each piece on the left of the rating, where the indicator is 0.
    left = np.clip(actual[:, None] - steps[:-1], 0, widths)
    pieces = left * mass**2 + (widths - left) * (1 - mass) ** 2
    beyond = np.abs(actual - np.clip(actual, steps[0], steps[-1]))
    found: Floats = pieces.sum(axis=1) + beyond
    return found


def _integral(z: Floats) -> Floats:
    """Return the integral of the squared standard normal distribution up to *z*."""
    from scipy.special import ndtr

    finite = np.maximum(z, -40.0)
    density = np.exp(-finite * finite / 2) / sqrt(2 * pi)
    level = ndtr(finite)
    found: Floats = (
        finite * level**2 + 2 * level * density - ndtr(sqrt(2) * finite) / sqrt(pi)
    )
    return found


def _mean_of(
    score: Callable[[Distribution, Floats, RatingScale], Floats], scored: Scored
) -> Score:
    total = sum(float(score(*part).sum()) for part in parts(scored))
    n = len(scored.actual)
    return Score(value=total / n, n_scored=n)


def parts(scored: Scored) -> Iterator[tuple[Distribution, Floats, RatingScale]]:
    """Yield the distributions, the ratings and their scale, some ratings at a time."""
    assert scored.distribution is not None
    assert scored.scale is not None
    for start in range(0, len(scored.actual), _CHUNK):
        part = slice(start, start + _CHUNK)
        actual = scored.actual[part].astype(np.float64)
        yield scored.distribution[part], actual, scored.scale


def _hits(
    distribution: Distribution, actual: Floats, scale: RatingScale, level: float
) -> Floats:
    return interval_hits(*mass_around(distribution, actual, scale), level)


LOG_SCORE = Metric(
    name="log-score",
    title="log score",
    unit="nat",
    higher_is_better=False,
    pooling="rating",
    definition="mean(-log P(r)) over a fold's hidden ratings, with the probability P "
    "of the rating's step, at least 1e-6; of a normal distribution, what is nearest to "
    "the step, or the density on a scale without steps",
    function=partial(_mean_of, log_scores),
    needs_distribution=True,
)
CRPS = Metric(
    name="crps",
    title="CRPS",
    unit="rating",
    higher_is_better=False,
    pooling="rating",
    definition="mean over a fold's hidden ratings of the integral of "
    "(F(x) - [x >= r])^2, F being clipped to the scale as predictions are",
    function=partial(
        _mean_of, lambda distribution, actual, _: crps_of(distribution, actual)
    ),
    needs_distribution=True,
)
COVERAGE_80 = Metric(
    name="coverage-80",
    title="in 80-interval",
    unit="fraction",
    higher_is_better=True,
    pooling="rating",
    definition="share of a fold's hidden ratings in the central 80 % interval; a step "
    "that an end of the interval cuts counts in part",
    function=partial(_mean_of, partial(_hits, level=0.8)),
    needs_distribution=True,
    target=0.8,
)

DISTRIBUTION_METRICS = (LOG_SCORE, CRPS, COVERAGE_80)
"""The metrics of models that predict distributions."""

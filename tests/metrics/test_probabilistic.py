"""Scores of distributions: exact, as numerical integration shows, and proper."""

from math import inf

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from benchbox.errors import PluginError
from benchbox.metrics import (
    DISTRIBUTION_METRICS,
    LEVELS,
    RMSE,
    Metric,
    reliability,
)
from benchbox.metrics.distribution import NormalDistribution, StepDistribution
from benchbox.metrics.probabilistic import (
    LEAST_PROBABILITY,
    crps_of,
    interval_hits,
    log_scores,
    mass_around,
)
from benchbox.metrics.scored import Scored
from benchbox.ratings import RatingScale

STARS = RatingScale(1, 5, 1)
CONTINUOUS = RatingScale(1, 5)
NORMAL = NormalDistribution(
    mean=np.array([3.2, 0.5, 4.9, 3.0, 7.0]),
    spread=np.array([0.9, 2.0, 0.1, 30.0, 0.5]),
)
STEPS = StepDistribution(
    steps=np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
    probabilities=np.array(
        [[0.1, 0.2, 0.3, 0.3, 0.1], [1, 0, 0, 0, 0], [0, 0.5, 0, 0.5, 0]]
    ),
)


def integral(cumulated, rating: float, low: float, high: float) -> float:
    """The definition of CRPS, from *low* to *high*."""
    parts = (
        quad(lambda x: cumulated(x) ** 2, low, rating, limit=500)[0],
        quad(lambda x: (1 - cumulated(x)) ** 2, rating, high, limit=500)[0],
    )
    return sum(parts)


@pytest.mark.parametrize("ends", [(-inf, inf), (1.0, 5.0)])
@pytest.mark.parametrize("rating", [1.0, 2.5, 5.0])
def test_crps_of_a_normal_is_the_integral(
    ends: tuple[float, float], rating: float
) -> None:
    found = crps_of(NORMAL.clipped(*ends), np.full(5, rating))

    for k, (mean, spread) in enumerate(zip(NORMAL.mean, NORMAL.spread, strict=True)):
        low = max(ends[0], mean - 12 * spread, -400)
        high = min(ends[1], mean + 12 * spread, 400)
        low, high = min(low, rating), max(high, rating)
        wanted = integral(norm(mean, spread).cdf, rating, low, high)
        assert found[k] == pytest.approx(wanted, rel=1e-5, abs=1e-6)


def test_crps_of_an_unclipped_normal_is_the_published_closed_form() -> None:
    ratings = np.array([3.0, 4.0, 5.0, 1.0, 2.0])
    z = (ratings - NORMAL.mean) / NORMAL.spread
    published = NORMAL.spread * (
        z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi)
    )

    assert crps_of(NORMAL, ratings) == pytest.approx(published, rel=1e-9)


@pytest.mark.parametrize("rating", [0.5, 1.0, 2.0, 3.3, 5.0, 6.0])
def test_crps_of_steps_is_the_expected_error_minus_half_the_spread(
    rating: float,
) -> None:
    steps, rows = STEPS.steps, STEPS.probabilities
    error = rows @ np.abs(steps - rating)
    spread = np.einsum("nj,nk,jk->n", rows, rows, np.abs(steps[:, None] - steps))

    found = crps_of(STEPS, np.full(3, rating))

    # Gneiting & Raftery 2007, equation 20.
    assert found == pytest.approx(error - spread / 2)


def test_a_sure_prediction_has_its_absolute_error_as_crps() -> None:
    assert crps_of(STEPS[1:2], np.array([4.0])).tolist() == [3.0]


def test_the_log_score_of_steps_is_that_of_the_rating_and_bounded() -> None:
    found = log_scores(STEPS, np.array([4.0, 5.0, 2.0]), STARS)

    assert found == pytest.approx(-np.log([0.3, LEAST_PROBABILITY, 0.5]))


def test_a_normal_on_a_scale_with_steps_has_what_is_nearest_to_each() -> None:
    edges = [-inf, 1.5, 2.5, 3.5, 4.5, inf]
    for k, rating in enumerate([1.0, 2.0, 3.0, 4.0, 5.0]):
        wanted = [
            quad(norm(mean, spread).pdf, edges[k], edges[k + 1], points=None)[0]
            for mean, spread in zip(NORMAL.mean[:2], NORMAL.spread[:2], strict=True)
        ]
        found = log_scores(NORMAL[:2], np.full(2, rating), STARS)
        assert np.exp(-found) == pytest.approx(np.maximum(wanted, 1e-6), rel=1e-6)
    on_steps = NORMAL.on_steps(STEPS.steps)
    below, upto = mass_around(NORMAL, np.full(5, 3.0), STARS)
    assert on_steps.probabilities[:, 2] == pytest.approx(upto - below, abs=1e-6)


def test_a_normal_on_a_continuous_scale_has_its_density() -> None:
    found = log_scores(NORMAL, np.full(5, 3.0), CONTINUOUS)

    assert found == pytest.approx(-norm(NORMAL.mean, NORMAL.spread).logpdf(3.0))


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("kind", ["steps", "normal", "continuous"])
def test_intervals_of_a_model_that_is_right_cover_their_share(
    level: float, kind: str
) -> None:
    draw = np.random.Generator(np.random.PCG64(1))
    n = 40_000
    if kind == "steps":
        rows = draw.dirichlet(np.ones(5), n)
        truth: StepDistribution | NormalDistribution
        truth = StepDistribution(STEPS.steps, rows)
        chosen = (rows.cumsum(axis=1) < draw.random(n)[:, None]).sum(axis=1)
        ratings = STEPS.steps[np.minimum(chosen, 4)]
    else:
        truth = NormalDistribution(draw.uniform(0, 6, n), draw.uniform(0.3, 2, n))
        ratings = truth.mean + truth.spread * draw.standard_normal(n)
        if kind == "normal":
            ratings = np.clip(np.rint(ratings), 1, 5)
    scale = CONTINUOUS if kind == "continuous" else STARS

    hits = interval_hits(*mass_around(truth, ratings, scale), level)

    assert hits.mean() == pytest.approx(level, abs=0.01)
    found = reliability(
        Scored(
            predicted=ratings.astype(np.float32),
            actual=ratings,
            users=np.zeros(n, dtype=np.int32),
            items=np.zeros(n, dtype=np.int32),
            distribution=truth,
            scale=scale,
        )
    )
    assert found.coverage == pytest.approx(list(LEVELS), abs=0.01)
    assert found.histogram == pytest.approx([0.1] * 10, abs=0.01)


@pytest.mark.parametrize("metric", DISTRIBUTION_METRICS[:2], ids=lambda m: m.name)
def test_the_true_distribution_has_the_best_score(metric: Metric) -> None:
    draw = np.random.Generator(np.random.PCG64(2))
    n = 40_000
    mean = draw.uniform(1, 5, n)
    ratings = mean + draw.standard_normal(n)
    if metric.name == "log-score":
        ratings = np.rint(ratings)
    ratings = np.clip(ratings, 1, 5)

    def score(spread: float, shift: float = 0.0) -> float:
        found = metric.function(
            Scored(
                predicted=mean.astype(np.float32),
                actual=ratings.astype(np.float32),
                users=np.zeros(n, dtype=np.int32),
                items=np.zeros(n, dtype=np.int32),
                distribution=NormalDistribution(
                    mean + shift, np.full(n, spread)
                ).clipped(1, 5),
                scale=STARS,
            )
        )
        assert found.value is not None
        assert found.n_scored == n
        return found.value

    truth = score(1.0)
    assert all(truth < other for other in (score(0.8), score(1.3), score(1.0, 0.2)))


def test_a_metric_of_distributions_has_no_term() -> None:
    with pytest.raises(PluginError, match="a term is only given predictions"):
        Metric(
            name="x",
            title="x",
            unit="rating",
            higher_is_better=False,
            pooling="rating",
            definition="",
            term=RMSE.term,
            needs_distribution=True,
        )

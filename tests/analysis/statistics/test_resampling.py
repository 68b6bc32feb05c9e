"""Resampling: intervals repeat, follow the users, and shrink as they should."""

from dataclasses import replace
from math import log, sqrt

import numpy as np
import pytest

from benchbox.analysis.statistics.resampling import Resampler
from benchbox.metrics.metric import MAE, RMSE, Metric
from benchbox.metrics.term import Term
from benchbox.metrics.totals import UserTotals


def totals(n_users: int = 200, seed: int = 0, metric: Metric = RMSE) -> UserTotals:
    """Return totals of two models, of users who rate a few or many times."""
    draw = np.random.default_rng(seed)
    counts = draw.integers(1, 30, n_users).astype(float)
    sums = counts * draw.gamma(4, 0.25, (2, n_users))
    return UserTotals(metric=metric, counts=counts, sums=sums)


def test_the_same_seed_gives_the_same_interval_and_another_one_another() -> None:
    first, again, other = (
        Resampler(totals(), seed=seed).value(0).interval for seed in (7, 7, 8)
    )

    assert first == again
    assert first != other


@pytest.mark.parametrize("metric", [RMSE, MAE], ids=lambda m: m.name)
def test_the_error_is_that_of_a_ratio_of_sums(metric) -> None:
    given = totals(metric=metric)
    value = given.values[0]
    rooted = metric is RMSE
    mean = value**2 if rooted else value
    # Residuals of the ratio, as a survey of clusters takes them (Cochran, 1977, 6.3).
    rest = given.sums[0] - mean * given.counts
    expected = sqrt((rest**2).sum() * 200 / 199) / given.counts.sum()

    found = Resampler(given, seed=0).value(0)

    assert found.value == pytest.approx(value)
    factor = 2 * value if rooted else 1
    assert found.standard_error == pytest.approx(expected / factor)


def test_equal_users_give_the_interval_of_a_t_test() -> None:
    # Where each user rates once and the losses are normal, theory is exact.
    draw = np.random.default_rng(1)
    sums = 10 + draw.normal(size=(1, 400))
    given = UserTotals(metric=MAE, counts=np.ones(400), sums=sums)

    found = Resampler(given, seed=0, n_resamples=4000).value(0)

    error = sums.std(ddof=1) / sqrt(400)
    assert found.standard_error == pytest.approx(error)
    assert found.interval.low == pytest.approx(found.value - 1.966 * error, rel=2e-3)
    assert found.interval.high == pytest.approx(found.value + 1.966 * error, rel=2e-3)


def test_a_mean_that_may_be_below_0_has_the_interval_of_a_t_test() -> None:
    # One rating per user, of which the errors have a mean near 0: some are 0 exactly.
    draw = np.random.default_rng(1)
    sums = draw.integers(-3, 4, (1, 400)).astype(float)
    bias = replace(MAE, name="bias", term=Term(of=np.subtract))
    given = UserTotals(metric=bias, counts=np.ones(400), sums=sums)

    found = Resampler(given, seed=0, n_resamples=4000).value(0)

    error = sums.std(ddof=1) / sqrt(400)
    assert found.value == pytest.approx(sums.mean())
    assert found.standard_error == pytest.approx(error)
    assert found.interval.low == pytest.approx(
        found.value - 1.966 * error, abs=0.1 * error
    )
    assert found.interval.high == pytest.approx(
        found.value + 1.966 * error, abs=0.1 * error
    )


def test_a_cube_root_has_the_error_of_the_delta_method() -> None:
    root = replace(RMSE, name="cube-root", term=Term(of=np.subtract, power=1 / 3))
    plain, rooted = (
        Resampler(totals(metric=metric), seed=0).value(0) for metric in (MAE, root)
    )

    assert rooted.value == pytest.approx(plain.value ** (1 / 3))
    slope = plain.value ** (-2 / 3) / 3
    assert rooted.standard_error == pytest.approx(slope * plain.standard_error)


def test_ratings_of_one_user_count_as_one_draw() -> None:
    # Each user's ratings err alike: ten times the ratings tell nothing more.
    few = totals()
    many = UserTotals(metric=RMSE, counts=few.counts * 10, sums=few.sums * 10)

    mine, other = (Resampler(of, seed=0).value(0) for of in (few, many))

    assert other.interval.low == pytest.approx(mine.interval.low)
    assert other.interval.high == pytest.approx(mine.interval.high)


def test_a_difference_is_surer_than_its_parts_where_models_err_together() -> None:
    base = totals()
    close = base.sums[0] * np.random.default_rng(2).uniform(1.0, 1.02, 200)
    resampler = Resampler(
        UserTotals(
            metric=RMSE,
            counts=base.counts,
            sums=np.vstack([base.sums[0], close]),
        ),
        seed=0,
    )

    apart, parted = resampler.value(0), resampler.difference(0, 1)

    assert parted.standard_error < apart.standard_error / 20
    assert parted.interval.high < 0
    ratio = resampler.log_ratio(0, 1)
    assert ratio.value == pytest.approx(log(apart.value / resampler.value(1).value))
    assert ratio.interval.high < 0


def test_more_users_than_are_summed_at_once_are_all_counted() -> None:
    given = totals(n_users=5_001)

    found = Resampler(given, seed=0, n_resamples=500).value(1)

    reach = 1.96 * found.standard_error
    assert found.interval.low == pytest.approx(found.value - reach, rel=5e-3)
    assert found.interval.high == pytest.approx(found.value + reach, rel=5e-3)


def test_one_user_tells_nothing_of_others() -> None:
    alone = UserTotals(metric=RMSE, counts=np.ones(1), sums=np.ones((2, 1)))

    found = Resampler(alone, seed=0).value(0)

    assert (found.value, found.interval) == (1.0, None)


def test_two_users_and_a_perfect_model_have_an_interval_without_nonsense() -> None:
    sums = np.array([[0.0, 0.0], [1.0, 4.0]])
    resampler = Resampler(
        UserTotals(metric=RMSE, counts=np.array([1.0, 2.0]), sums=sums), seed=0
    )

    perfect, other = resampler.value(0), resampler.value(1)

    assert (perfect.value, perfect.interval.low, perfect.interval.high) == (0, 0, 0)
    assert np.isfinite([other.interval.low, other.interval.high]).all()

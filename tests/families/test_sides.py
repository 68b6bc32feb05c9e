"""Regressions of users and items, in host memory and on a device."""

import numpy as np
import pytest
from benchbox_factorization import device, moments
from benchbox_factorization.biased_mf import BiasedMF
from benchbox_factorization.device import DeviceSide
from benchbox_factorization.moments import Columns, blocks
from benchbox_factorization.options import BiasedMFOptions
from benchbox_factorization.sides import (
    HostSide,
    Population,
    Side,
    make_side,
    solve_rows,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbox import FitContext, Grouped
from tests.support.devices import ACCELERATOR, DEVICES
from tests.support.toy_ratings import all_pairs, from_matrix, hide, low_rank

X = np.nan
# The code for devices also runs on the CPU.
PLACES = ["host", *DEVICES]


def a_side(place: str, grouped: Grouped, n_unknowns: int) -> Side:
    if place == "host":
        return HostSide(grouped, grouped.values, n_unknowns)
    return DeviceSide(grouped, grouped.values, place)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


class Known:
    """A user with known items, population and noise, so the posterior is normal."""

    items = np.array([[0.3, 1, 0], [-0.2, 0.5, 1], [0.1, -1, 2]], dtype=np.float32)
    ratings = np.array([[0.4, -0.5, 1.5]])
    population = Population(
        np.array([0.2, -0.1, 0.3]),
        np.array([[2.0, 0.3, 0.0], [0.3, 1.5, -0.2], [0.0, -0.2, 1.0]]),
    )
    noise = 2.5
    rest = items, population, noise

    @classmethod
    def moments(cls):
        """Return mean and covariance by the textbook formula for linear models."""
        design = np.column_stack([np.ones(3), cls.items[:, 1:]])
        prior = cls.population
        covariance = np.linalg.inv(prior.precision + cls.noise * design.T @ design)
        target = cls.ratings[0] - cls.items[:, 0]
        pull = prior.precision @ prior.mean + cls.noise * design.T @ target
        return covariance @ pull, covariance

    @classmethod
    def rated(cls, place: str, n_rows: int) -> Side:
        grouped = from_matrix(np.repeat(cls.ratings, n_rows, axis=0)).by_user()
        return a_side(place, grouped, 3)


@pytest.mark.parametrize("place", PLACES)
def test_the_posterior_mean_of_a_user_is_that_of_a_linear_model(place) -> None:
    mean, _ = Known.moments()

    means = Known.rated(place, 2).means(*Known.rest)

    np.testing.assert_allclose([mean, mean], means, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("place", PLACES)
def test_the_posterior_of_a_prediction_is_that_of_a_linear_model(place) -> None:
    mean, covariance = Known.moments()
    rows, columns = np.array([1, 0, 1, 2]), np.array([0, 2, 2, 1])
    weights = np.column_stack([np.ones(4), Known.items[columns][:, 1:]])

    means, variances = Known.rated(place, 3).predictive(*Known.rest, (rows, columns))

    wanted = weights @ mean + Known.items[columns][:, 0]
    np.testing.assert_allclose(means, wanted, rtol=1e-3, atol=1e-4)
    spread = np.einsum("pi,ij,pj->p", weights, covariance, weights)
    np.testing.assert_allclose(variances, spread, rtol=1e-3)


@pytest.mark.parametrize("place", PLACES)
def test_draws_of_a_user_have_the_moments_of_a_linear_model(place) -> None:
    mean, covariance = Known.moments()

    drawn, _ = Known.rated(place, 40_000).draw(*Known.rest, generator())

    # Standard errors are at most 0.004 and 0.006.
    np.testing.assert_allclose(mean, drawn.mean(axis=0), atol=0.02)
    np.testing.assert_allclose(covariance, np.cov(drawn.T), atol=0.025)


@pytest.mark.parametrize("place", PLACES)
def test_drawn_vectors_come_with_their_squared_error(place) -> None:
    drawn, added = Known.rated(place, 5).draw(*Known.rest, generator())

    predicted = drawn[:, :1] + Known.items[:, 0] + drawn[:, 1:] @ Known.items[:, 1:].T
    expected = np.sum((Known.ratings - predicted) ** 2)
    assert 5 * np.sum(Known.ratings**2) + added == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("place", PLACES)
def test_a_row_without_ratings_is_drawn_from_its_population(place) -> None:
    nobody = np.full((40_000, 3), X)
    nobody[0, 0] = 1.0
    rated = a_side(place, from_matrix(nobody).by_user(), 3)

    drawn, _ = rated.draw(*Known.rest, generator())
    means = rated.means(*Known.rest)

    covariance = np.linalg.inv(Known.population.precision)
    np.testing.assert_allclose(Known.population.mean, drawn[1:].mean(axis=0), atol=0.03)
    np.testing.assert_allclose(covariance, np.cov(drawn[1:].T), atol=0.05)
    np.testing.assert_allclose(Known.population.mean, means[-1], rtol=1e-3)


def random_side(n_rows: int, n_factors: int, seed: int):
    """Return column vectors, targets by row, and the targets as a dense matrix."""
    draw = np.random.default_rng(seed)
    others = draw.standard_normal((6, 1 + n_factors))
    targets = np.round(draw.standard_normal((n_rows, 6)))
    targets[draw.random((n_rows, 6)) < 0.5] = X
    return others, from_matrix(targets).by_user(), targets


def one_regression_per_row(others, targets, ridge):
    expected = np.zeros((len(targets), others.shape[1]))
    features = np.column_stack([np.ones(len(others)), others[:, 1:]])
    for row, rated in enumerate(~np.isnan(targets)):
        if rated.any():
            left = features[rated].T @ features[rated] + np.diag(ridge[:, row])
            right = features[rated].T @ (targets[row] - others[:, 0])[rated]
            expected[row] = np.linalg.solve(left, right)
    return expected


@pytest.mark.parametrize(
    ("table", "unrolled"), [(1 << 20, 24), (0, 24), (1 << 20, 0), (0, 0)]
)
@given(
    n_rows=st.integers(1, 8),
    n_factors=st.integers(1, 4),
    damping=st.floats(0.1, 10),
    bias_damping=st.floats(0, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_batched_solves_agree_with_one_ridge_regression_per_row(
    table, unrolled, n_rows, n_factors, damping, bias_damping, seed
) -> None:
    others, grouped, targets = random_side(n_rows, n_factors, seed)
    ridge = np.full((1 + n_factors, n_rows), bias_damping)
    ridge[1:] = damping
    values = grouped.values.astype(np.float64)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "_TABLE", table)
        patch.setattr(moments, "_UNROLLED", unrolled)
        solved = HostSide(grouped, values, 1 + n_factors).solve(others, ridge)

    expected = one_regression_per_row(others, targets, ridge)
    np.testing.assert_allclose(expected, solved, atol=1e-9)


@pytest.mark.parametrize("place", PLACES[1:])
@given(
    n_rows=st.integers(1, 8),
    n_factors=st.integers(1, 4),
    bias_damping=st.floats(0, 3),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None)
def test_a_device_solves_the_same_regressions_as_the_host(
    place, n_rows, n_factors, bias_damping, seed
) -> None:
    others, grouped, targets = random_side(n_rows, n_factors, seed)
    ridge = np.full((1 + n_factors, n_rows), bias_damping, dtype=np.float32)
    ridge[1:] = 2.0

    with pytest.MonkeyPatch.context() as patch:
        # Three rows at once, so that there are several blocks.
        patch.setattr(device, "_AT_ONCE", 3 * (2 + n_factors) ** 2)
        side = DeviceSide(grouped, grouped.values, place)
        solved = side.solve(others.astype(np.float32), ridge)

    expected = one_regression_per_row(others, targets, ridge)
    np.testing.assert_allclose(expected, solved, rtol=2e-3, atol=2e-3)


def test_rows_in_several_blocks_have_the_same_solutions(monkeypatch) -> None:
    others, grouped, _ = random_side(50, 2, seed=0)
    values = grouped.values.astype(np.float64)
    columns = Columns(others)
    (whole,) = blocks(grouped, values, 3)
    expected = solve_rows(whole, columns, np.ones((3, 50)))
    monkeypatch.setattr(moments, "_BLOCK", 0)

    cut = list(blocks(grouped, values, 3))
    solved = HostSide(grouped, values, 3).solve(others, np.ones((3, 50)))

    assert [len(block.counts) for block in cut] == [16, 16, 16, 2]
    np.testing.assert_allclose(expected.T, solved, atol=1e-12)


def test_a_hundred_factors_of_many_items_need_no_table_of_products() -> None:
    columns = Columns(np.ones((60_000, 101), dtype=np.float32))

    assert columns._table is None


@given(
    n_rows=st.integers(1, 8),
    n_factors=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_squared_errors_follow_from_moments(n_rows, n_factors, seed) -> None:
    others, grouped, targets = random_side(n_rows, n_factors, seed)
    (block,) = blocks(grouped, grouped.values.astype(np.float64), 1 + n_factors)
    chosen = np.random.default_rng(seed).standard_normal((1 + n_factors, n_rows))
    predicted = chosen[:1].T + others[:, 0] + chosen[1:].T @ others[:, 1:].T
    expected = np.nansum((targets - predicted) ** 2)

    added = Columns(others).moments(block).squared_error(chosen)

    assert np.nansum(targets**2) + added == pytest.approx(expected, abs=1e-9)


def test_torch_is_used_only_on_accelerators() -> None:
    _, grouped, _ = random_side(3, 1, seed=0)

    assert isinstance(make_side(grouped, grouped.values, 2, "cpu"), HostSide)
    assert isinstance(make_side(grouped, grouped.values, 2, "meta"), DeviceSide)


def test_a_model_learns_the_same_on_a_device_as_on_the_host(monkeypatch) -> None:
    train, hidden = hide(low_rank(60, 40, rank=2, seed=1), 0.3, seed=2)
    asked = hidden.users, hidden.items
    model = BiasedMF(BiasedMFOptions(n_factors=2, epochs=4))
    model.fit(train, FitContext())
    expected = model.predict(train, *asked)
    monkeypatch.setattr(
        "benchbox_factorization.biased_mf.make_side",
        lambda grouped, values, width, where: DeviceSide(grouped, values, where),
    )

    model.fit(train, FitContext())

    np.testing.assert_allclose(expected, model.predict(train, *asked), atol=1e-3)


@pytest.mark.parametrize("place", [ACCELERATOR])
def test_a_gpu_fits_biased_mf_as_a_cpu_does(place) -> None:
    train, _ = hide(low_rank(60, 40, rank=2, seed=1), 0.3, seed=2)
    predicted = []
    for where in ("cpu", place):
        model = BiasedMF(BiasedMFOptions(n_factors=2, epochs=4))
        model.fit(train, FitContext(device=where))
        predicted.append(model.predict(train, *all_pairs(train)))

    np.testing.assert_allclose(*predicted, atol=1e-3)

"""Reference: the bias model solves its ridge problem, and knows nothing of the cold."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from benchbox.arrays import parallel
from benchbox.models.bias import fit_bias_model
from benchbox.models.training import fit_centre
from benchbox.ratings import Ratings
from tests.support.toy_ratings import from_matrix
from tests.support.toys import ratings, tiny_ratings

dampings = st.floats(0.5, 20)


def ridge(train: Ratings, user_damping: float, item_damping: float):
    """Solve the normal equations over all offsets at once."""
    n = len(train)
    design = np.zeros((n, train.n_users + train.n_items))
    design[np.arange(n), train.users] = 1
    design[np.arange(n), train.n_users + train.items] = 1
    penalty = np.repeat([user_damping, item_damping], [train.n_users, train.n_items])
    values = train.values.astype(np.float64)
    offsets = np.linalg.solve(
        design.T @ design + np.diag(penalty), design.T @ (values - values.mean())
    )
    return offsets[: train.n_users], offsets[train.n_users :]


@given(train=ratings(min_size=1), user_damping=dampings, item_damping=dampings)
def test_offsets_are_the_ridge_solution(train, user_damping, item_damping) -> None:
    fitted = fit_bias_model(
        train, user_damping=user_damping, item_damping=item_damping, n_sweeps=300
    )

    user_bias, item_bias = ridge(train, user_damping, item_damping)
    assert fitted.mean == pytest.approx(train.values.mean(dtype=np.float64))
    assert fitted.user_bias == pytest.approx(user_bias, abs=1e-5)
    assert fitted.item_bias == pytest.approx(item_bias, abs=1e-5)


def planted(noise: float, user_spread: float, item_spread: float, seed: int) -> Ratings:
    """Return 400 of 40 x 25 ratings, whose offsets and noise are normal."""
    draw = np.random.default_rng(seed)
    matrix = 3 + np.add.outer(
        user_spread * draw.standard_normal(40), item_spread * draw.standard_normal(25)
    )
    matrix += noise * draw.standard_normal(matrix.shape)
    matrix[draw.random(matrix.shape) < 0.6] = np.nan
    return from_matrix(matrix)


def unlikeliness(dampings, train: Ratings) -> float:
    """Return minus the log likelihood of ratings, at the best variance of the noise.

    Offsets are integrated out: ratings are normal, and those of a user covary by one
    over the user's damping, and those of an item likewise.
    """
    users, items = np.eye(train.n_users), np.eye(train.n_items)
    covariance = np.eye(len(train))
    for one_hot, damping in zip(
        (users[train.users], items[train.items]), dampings, strict=True
    ):
        covariance += one_hot @ one_hot.T / damping
    centred = train.values - train.values.mean(dtype=np.float64)
    root = np.linalg.cholesky(covariance)
    white = np.linalg.solve(root, centred)
    return len(train) / 2 * np.log(white @ white) + np.log(np.diag(root)).sum()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spreads", [(0.8, 0.4, 0.6), (0.9, 0.7, 0.15)])
def test_dampings_are_those_that_make_the_ratings_most_likely(spreads, seed) -> None:
    train = planted(*spreads, seed=seed)
    best = minimize(
        lambda logs: unlikeliness(np.exp(logs), train),
        np.log([5, 2]),
        method="Nelder-Mead",
        options={"xatol": 0.01, "fatol": 1e-3},
    )

    fitted = fit_bias_model(train, n_sweeps=100)

    found = fitted.user_damping, fitted.item_damping
    assert found == pytest.approx(np.exp(best.x), rel=0.5)
    # A difference of 2 would be significant at 5 %.
    assert unlikeliness(found, train) - best.fun < 0.4


@pytest.mark.parametrize("stretch", [0.01, 5, 1000])
def test_dampings_do_not_depend_on_the_unit_of_ratings(stretch) -> None:
    train = planted(0.8, 0.4, 0.6, seed=0)
    moved = replace(train, values=(stretch * train.values - 7).astype(np.float32))

    one, other = fit_bias_model(train), fit_bias_model(moved)

    assert one.user_damping == pytest.approx(other.user_damping, rel=1e-3)
    assert one.item_damping == pytest.approx(other.item_damping, rel=1e-3)
    np.testing.assert_allclose(stretch * one.item_bias, other.item_bias, rtol=1e-2)


def test_after_ten_sweeps_fitted_dampings_hardly_change() -> None:
    train = planted(0.8, 0.4, 0.6, seed=0)

    usual, long = (fit_bias_model(train, n_sweeps=n) for n in (10, 300))

    assert usual.user_bias == pytest.approx(long.user_bias, abs=0.01)
    assert usual.item_bias == pytest.approx(long.item_bias, abs=0.01)


def test_one_damping_can_be_given_and_the_other_fitted() -> None:
    train = planted(0.8, 0.4, 0.6, seed=0)

    fitted = fit_bias_model(train, item_damping=7)

    assert fitted.item_damping == 7
    assert fitted.user_damping != 5


@given(train=ratings(min_size=1))
def test_fitted_dampings_are_finite_whatever_the_ratings(train) -> None:
    fitted = fit_bias_model(train)

    assert np.isfinite([fitted.user_damping, fitted.item_damping]).all()
    assert fitted.user_damping >= 0
    assert np.isfinite(fitted.predict(train.users, train.items)).all()


@given(train=ratings(min_size=1))
def test_the_usual_sweeps_leave_no_visible_change(train) -> None:
    usual, long = (
        fit_bias_model(train, user_damping=5, item_damping=2, n_sweeps=n)
        for n in (10, 300)
    )

    assert usual.user_bias == pytest.approx(long.user_bias, abs=0.01)
    assert usual.item_bias == pytest.approx(long.item_bias, abs=0.01)


def test_without_damping_offsets_are_plain_means() -> None:
    # User 0 rates 0, 1, 2, 3 and user 1 rates 4, 0, 1, 2: each item has both users.
    fitted = fit_bias_model(tiny_ratings(8), user_damping=0, item_damping=0)

    assert fitted.mean == 13 / 8
    assert fitted.user_bias == pytest.approx([-1 / 8, 1 / 8])
    assert fitted.item_bias == pytest.approx([3 / 8, -9 / 8, -1 / 8, 7 / 8])


@pytest.mark.parametrize("damping", [0.0, 5.0])
def test_cold_users_and_items_are_predicted_the_mean(damping) -> None:
    train = replace(tiny_ratings(3), n_users=2, user_ids=None)
    fitted = fit_bias_model(train, user_damping=damping, item_damping=damping)

    cold = fitted.predict(np.array([1], np.int32), np.array([3], np.int32))

    assert (fitted.user_bias[1], fitted.item_bias[3]) == (0.0, 0.0)
    assert cold.tolist() == [1.0]


def test_a_prediction_is_the_sum_of_its_parts_and_is_not_clipped() -> None:
    fitted = replace(
        fit_bias_model(tiny_ratings(4)),
        mean=3.0,
        user_bias=np.array([2.0]),
        item_bias=np.array([0.5, -9.0, 0.0, 0.0]),
    )

    predicted = fitted.predict(np.zeros(2, np.int32), np.array([0, 1], np.int32))

    assert predicted.tolist() == [5.5, -4.0]
    assert predicted.dtype == np.float32


@given(train=ratings(min_size=1))
def test_users_judged_by_their_training_ratings_keep_their_offset(train) -> None:
    fitted = fit_bias_model(train)

    assert fitted.user_bias_from(train) == pytest.approx(fitted.user_bias, abs=1e-5)


def test_a_new_user_is_judged_by_their_history() -> None:
    train = replace(tiny_ratings(8), n_users=4, user_ids=None)
    fitted = fit_bias_model(train, user_damping=3.0)
    history = replace(
        train.take(np.array([0, 1])), users=np.array([2, 2], dtype=np.int32)
    )

    offsets = fitted.user_bias_from(history)

    rest = [
        0 - fitted.mean - fitted.item_bias[0],
        1 - fitted.mean - fitted.item_bias[1],
    ]
    assert offsets == pytest.approx([0, 0, sum(rest) / (2 + 3), 0], abs=1e-6)


def test_parts_of_the_ratings_give_the_same_model_as_all_at_once(monkeypatch) -> None:
    drawn = np.random.default_rng(3).integers(1, 6, (9, 8))
    train = from_matrix(drawn.astype(float))
    whole, centre = fit_bias_model(train), fit_centre(train, "bias")
    scaled = centre.scaled(train)
    monkeypatch.setattr(parallel, "_LONG_PART", 7)

    parts = fit_bias_model(train)

    assert len(parallel.long_slices(len(train))) > 2
    for name, value in whole.state.items():
        np.testing.assert_allclose(parts.state[name], value, rtol=1e-12, atol=1e-12)
    assert fit_centre(train, "bias").spread == pytest.approx(centre.spread, rel=1e-12)
    np.testing.assert_allclose(centre.scaled(train), scaled, rtol=1e-6)
    predicted = whole.predict(train.users, train.items)
    centres = whole.predict_from(train, train.users, train.items)
    np.testing.assert_allclose(predicted, centres, rtol=1e-6)

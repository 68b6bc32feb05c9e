"""Reference: the bias model solves its ridge problem, and knows nothing of the cold."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.models.bias import fit_bias_model
from benchbox.ratings import Ratings
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

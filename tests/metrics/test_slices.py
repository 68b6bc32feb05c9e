"""Slices: every hidden rating is in one slice of each kind, and sums agree."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.metrics.metric import MAE, MAPE, RMSE, mae, mape, rmse
from benchbox.metrics.scored import Scored
from benchbox.metrics.slices import (
    DIMENSIONS,
    Breakdown,
    Slicing,
    break_down,
    joined,
    slicing,
)
from benchbox.metrics.slices import quarters as in_quarters
from benchbox.ratings import RatingScale
from tests.support.toys import JESTER, quarters, tiny_ratings

STARS = RatingScale(1, 5, 1)

pairs = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), quarters, quarters), min_size=1
)


def scored(pairs) -> Scored:
    users, items, predicted, actual = zip(*pairs, strict=True)
    return Scored(
        predicted=np.array(predicted, np.float32),
        actual=np.array(actual, np.float32),
        users=np.array(users, np.int32),
        items=np.array(items, np.int32),
    )


def broken_down(of: Scored, by: Slicing) -> Breakdown:
    return break_down(of, by, [RMSE, MAE, MAPE])


def by(scale: RatingScale = JESTER) -> Slicing:
    groups = np.array([0, 1, 1, 4], np.uint8)
    return Slicing(activity=groups, popularity=groups[::-1].copy(), scale=scale)


@given(pairs=pairs)
def test_the_slices_of_each_kind_make_up_the_whole(pairs) -> None:
    of = scored(pairs)

    found = broken_down(of, by())

    for dimension in DIMENSIONS:
        parts = found.by(dimension)
        assert sum(part.n for part in parts) == len(pairs)
        squares = sum(part.n * part.values["rmse"] ** 2 for part in parts if part.n)
        assert sqrt(squares / len(pairs)) == pytest.approx(rmse(of).value, abs=1e-9)
    whole = found.all()
    assert whole.values["mae"] == pytest.approx(mae(of).value)
    assert whole.values["mape"] == pytest.approx(mape(of).value)
    assert whole.mean_actual == pytest.approx(of.actual.mean(), abs=1e-6)


def test_a_slice_is_scored_as_if_it_were_alone() -> None:
    of = scored([(0, 0, 1.5, 1), (0, 1, 2, 4), (1, 0, 5, 5), (3, 3, 3, 2)])

    activity = {part.name: part for part in broken_down(of, by(STARS)).by("activity")}

    new = activity["new"]
    assert (new.n, new.values["rmse"]) == (2, pytest.approx(sqrt((0.25 + 4) / 2)))
    assert new.values["mape"] == pytest.approx((0.5 / 1 + 2 / 4) / 2)
    assert (new.mean_predicted, new.mean_actual) == (1.75, 2.5)
    assert activity["4th quarter"].values["rmse"] == 1
    assert activity["2nd quarter"].n == 0
    assert set(activity["2nd quarter"].values.values()) == {None}


def test_popularity_is_that_of_items_and_calibration_goes_by_the_prediction() -> None:
    of = scored([(0, 0, 1.1, 1), (0, 3, 1.3, 2), (0, 3, 4.9, 5)])
    found = broken_down(of, by(STARS))

    assert [part.n for part in found.by("popularity")] == [2, 0, 0, 0, 1]
    low, *_, high = found.by("prediction")
    assert (low.name, low.n, high.name, high.n) == ("1–1.4", 2, "4.6–5", 1)
    assert (low.mean_predicted, low.mean_actual) == (pytest.approx(1.2), 1.5)


@pytest.mark.parametrize(
    ("scale", "names"),
    [
        (STARS, ["1", "2", "3", "4", "5"]),
        (
            RatingScale(0.5, 5, 0.5),
            ["0.5", "1", "1.5", "2", "2.5", "3", "3.5", "4", "4.5", "5"],
        ),
        (RatingScale(0, 100, 1), [f"{k}–{k + 10}" for k in range(0, 100, 10)]),
        (JESTER, [f"{k}–{k + 2}" for k in range(-10, 10, 2)]),
    ],
)
def test_ratings_are_shown_one_by_one_where_there_are_few_values(scale, names) -> None:
    assert by(scale).names("rating") == names


@pytest.mark.parametrize("scale", [STARS, RatingScale(0.5, 5, 0.5)])
def test_every_value_of_a_scale_falls_into_its_own_slice(scale) -> None:
    values = np.arange(scale.low, scale.high + scale.step, scale.step)
    of = scored([(0, 0, value, value) for value in values])

    parts = broken_down(of, by(scale)).by("rating")

    assert [float(part.name) for part in parts] == [p.mean_actual for p in parts]


def test_predictions_off_the_scale_fall_into_its_ends() -> None:
    of = scored([(0, 0, -40, -10), (0, 0, 40, 10)])

    parts = broken_down(of, by()).by("prediction")

    assert [part.n for part in parts] == [1, *[0] * 8, 1]


def test_hidden_ratings_of_nothing_but_zero_have_no_mape() -> None:
    whole = broken_down(scored([(0, 0, 1, 0)]), by()).all()

    assert whole.n == 1
    assert whole.values == {"rmse": 1, "mae": 1, "mape": None}


@given(st.lists(st.integers(0, 9)))
def test_quarters_rise_with_counts_and_ties_stay_together(counts) -> None:
    groups = in_quarters(np.array(counts, dtype=np.int64))

    for count, group in zip(counts, groups, strict=True):
        assert (count == 0) == (group == 0)
        for other, its_group in zip(counts, groups, strict=True):
            assert count > other or group <= its_group


def test_quarters_are_equally_many_where_counts_differ() -> None:
    groups = in_quarters(np.arange(9))

    assert groups.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_users_are_sliced_by_what_is_visible_and_items_by_what_was_trained_on() -> None:
    ratings = tiny_ratings(16)
    visible, trained = np.array([1, 1, 2], np.int32), np.array([3], np.int32)

    found = slicing(visible, trained, ratings)

    assert (found.activity > 0).tolist() == [False, True, True, False]
    assert (found.popularity > 0).tolist() == [False, False, False, True]
    assert found.activity[1] > found.activity[2]


def test_fits_are_averaged_and_folds_added() -> None:
    fits = [
        [broken_down(scored([(0, 0, p, 0)]), by()) for p in (1, 3)],
        [broken_down(scored([(0, 0, 1, 1)]), by())],
    ]

    found: Breakdown = joined(fits)

    new, *_ = found.by("activity")
    assert (new.n, new.values["rmse"]) == (2, pytest.approx(sqrt((1 + 9) / 4)))
    assert found.all().n == 2

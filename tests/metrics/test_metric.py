"""Metrics: as exact as plain Python sums, on any scale, across chunk boundaries."""

from math import fsum, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.errors import DataError
from benchbox.metrics.metric import (
    METRICS,
    mae,
    mape,
    rmse,
    rmse_by_item,
    rmse_by_user,
)
from benchbox.metrics.scored import Score, Scored
from tests.support.toys import quarters

CHUNK = 1 << 15
SIZES = [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1]

on_the_scale = st.floats(-10, 10, width=32)
pairs = st.lists(
    st.tuples(st.integers(0, 3), on_the_scale, on_the_scale | quarters), min_size=1
)


def scored(predicted, actual, users=None) -> Scored:
    n = len(actual)
    return Scored(
        predicted=np.array(predicted, dtype=np.float32),
        actual=np.array(actual, dtype=np.float32),
        users=np.array(users if users is not None else [0] * n, dtype=np.int32),
        items=np.arange(n, dtype=np.int32) % 3,
    )


def errors(of: Scored) -> list[float]:
    columns = zip(of.predicted.tolist(), of.actual.tolist(), strict=True)
    return [p - r for p, r in columns]


def plain_rmse(of: Scored) -> float:
    return sqrt(fsum(e * e for e in errors(of)) / len(of.actual))


def plain_mae(of: Scored) -> float:
    return fsum(map(abs, errors(of))) / len(of.actual)


def plain_mape(of: Scored) -> float | None:
    terms = [
        abs(e / r) for e, r in zip(errors(of), of.actual.tolist(), strict=True) if r
    ]
    return fsum(terms) / len(terms) if terms else None


def plain_mean_of_own(groups: list[int], of: Scored) -> float:
    by_group: dict[int, list[float]] = {}
    for group, error in zip(groups, errors(of), strict=True):
        by_group.setdefault(group, []).append(error)
    own = [sqrt(fsum(e * e for e in of) / len(of)) for of in by_group.values()]
    return fsum(own) / len(own)


PLAIN = {
    "rmse": plain_rmse,
    "mae": plain_mae,
    "mape": plain_mape,
    "rmse-by-user": lambda of: plain_mean_of_own(of.users.tolist(), of),
    "rmse-by-item": lambda of: plain_mean_of_own(of.items.tolist(), of),
}


def noise(n: int) -> Scored:
    """Jester-like ratings and predictions, of which a few ratings are 0."""
    draw = np.random.default_rng(n)
    return scored(
        predicted=draw.uniform(-10, 10, n),
        actual=np.where(draw.random(n) < 0.1, 0, draw.uniform(-10, 10, n)),
        users=draw.integers(0, 50, n),
    )


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
@given(pairs=pairs)
def test_a_metric_is_what_its_definition_says(metric, pairs) -> None:
    users, predicted, actual = zip(*pairs, strict=True)
    given = scored(predicted, actual, users)

    value = metric.function(given).value

    expected = PLAIN[metric.name](given)
    assert value == (None if expected is None else pytest.approx(expected, rel=1e-12))


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
@pytest.mark.parametrize("n", SIZES)
def test_no_rating_is_lost_between_chunks(metric, n) -> None:
    given = noise(n)

    score = metric.function(given)

    assert score.value == pytest.approx(PLAIN[metric.name](given), rel=1e-12)
    assert score.n_scored + score.n_excluded == n


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
@given(pairs=pairs)
def test_perfect_predictions_have_no_error(metric, pairs) -> None:
    users, _, actual = zip(*pairs, strict=True)

    assert metric.function(scored(actual, actual, users)).value in (0.0, None)


@given(pairs=pairs)
def test_rmse_is_never_below_mae(pairs) -> None:
    _, predicted, actual = zip(*pairs, strict=True)
    given = scored(predicted, actual)

    assert rmse(given).value >= mae(given).value * (1 - 1e-12)


def test_sums_do_not_drift_over_many_ratings() -> None:
    # A running float32 sum of these is off in the third digit.
    n = 3_000_000
    given = scored(np.full(n, 0.1, np.float32), np.zeros(n, np.float32), np.zeros(n))

    tenth = float(np.float32(0.1))
    assert rmse(given).value == pytest.approx(tenth, rel=1e-12)
    assert mae(given).value == pytest.approx(tenth, rel=1e-12)


def test_errors_are_taken_in_double_precision() -> None:
    # In float32 the difference of these neighbours to 0.1 would be rounded.
    predicted, actual = np.float32(16777216.0), np.float32(0.1)

    expected = float(predicted) - float(actual)
    assert mae(scored([predicted], [actual])).value == expected


def test_known_errors_give_known_scores() -> None:
    given = scored([3, 3, 0], [5, 1, -4], users=[0, 0, 7])

    assert rmse(given) == Score(value=sqrt(24 / 3), n_scored=3)
    assert mae(given) == Score(value=8 / 3, n_scored=3)
    assert mape(given) == Score(value=(2 / 5 + 2 / 1 + 4 / 4) / 3, n_scored=3)
    assert rmse_by_user(given) == Score(value=(2 + 4) / 2, n_scored=3)


def test_mape_leaves_ratings_of_zero_out_and_counts_them() -> None:
    given = scored([1, 3, 5], [0, 2, -0.0])

    assert mape(given) == Score(value=0.5, n_scored=1, n_excluded=2)


def test_mape_of_nothing_but_zeros_has_no_value() -> None:
    assert mape(scored([1, 2], [0, 0])) == Score(value=None, n_scored=0, n_excluded=2)


def test_mape_takes_a_negative_rating_by_its_size() -> None:
    assert mape(scored([-3], [-2])).value == mape(scored([3], [2])).value == 0.5


def test_users_count_alike_however_much_they_rate() -> None:
    given = scored([0] * 10, [1] * 9 + [5], users=[3] * 9 + [8])

    assert rmse_by_user(given).value == 3.0


def test_items_count_alike_however_often_they_are_rated() -> None:
    # Items 0, 1, 2 and 0 again, with errors 1, 2, 3 and 7.
    given = scored([1, 2, 3, 7], [0, 0, 0, 0])

    assert rmse_by_item(given).value == pytest.approx((5 + 2 + 3) / 3)


def test_no_ratings_cannot_be_scored() -> None:
    with pytest.raises(DataError, match="no hidden ratings to score"):
        scored([], [])


@pytest.mark.parametrize("name", ["predicted", "actual", "users", "items"])
def test_columns_of_different_shapes_cannot_be_scored(name) -> None:
    columns = {
        "predicted": np.zeros(3, np.float32),
        "actual": np.zeros(3, np.float32),
        "users": np.zeros(3, np.int32),
        "items": np.zeros(3, np.int32),
    }
    columns[name] = columns[name].reshape(3, 1)

    with pytest.raises(DataError, match=r"share one shape \(n,\)"):
        Scored(**columns)


def test_columns_of_two_dimensions_cannot_be_scored() -> None:
    square = np.zeros((2, 2), np.float32)
    indexes = square.astype(np.int32)

    with pytest.raises(DataError, match=r"share one shape \(n,\)"):
        Scored(predicted=square, actual=square, users=indexes, items=indexes)


def test_every_metric_says_what_it_is() -> None:
    assert [m.name for m in METRICS] == list(PLAIN)
    assert {m.name: m.unit for m in METRICS if m.unit != "rating"} == {
        "mape": "fraction"
    }
    assert not any(m.higher_is_better for m in METRICS)
    assert {m.name: m.pooling for m in METRICS if m.pooling != "rating"} == {
        "rmse-by-user": "user",
        "rmse-by-item": "item",
    }

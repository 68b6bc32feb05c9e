"""Totals: summed by user and pooled, they give the metrics themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.errors import UsageError
from benchbox.metrics.metric import MAE, MAPE, RMSE, RMSE_BY_USER
from benchbox.metrics.scored import Scored
from benchbox.metrics.totals import seen_users, summed, user_totals
from tests.support.toys import quarters

pairs = st.lists(
    st.tuples(st.integers(0, 5), quarters, quarters | st.just(0.0)), min_size=1
)


def columns(pairs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    users, predicted, actual = zip(*pairs, strict=True)
    return (
        np.array(users, np.int32),
        np.array(predicted, np.float32),
        np.array(actual, np.float32),
    )


@pytest.mark.parametrize("metric", [RMSE, MAE, MAPE], ids=lambda m: m.name)
@given(pairs=pairs)
def test_pooled_totals_are_the_metric_on_a_scale_with_zeros(metric, pairs) -> None:
    users, predicted, actual = columns(pairs)
    score = metric.function(
        Scored(predicted=predicted, actual=actual, users=users, items=users)
    )

    totals = user_totals(actual, [predicted], users, metric)

    assert totals.counts.sum() == score.n_scored
    if score.value is None:
        assert totals.n_users == 0
    else:
        assert totals.values[0] == pytest.approx(score.value, rel=1e-12)


@given(pairs=pairs, cut=st.integers(0, 20))
def test_totals_of_two_parts_add_up_to_those_of_the_whole(pairs, cut) -> None:
    users, predicted, actual = columns(pairs)
    whole = summed(actual, [predicted], users, 6, RMSE)

    parts = [
        summed(actual[part], [predicted[part]], users[part], 6, RMSE)
        for part in (slice(cut), slice(cut, None))
    ]

    for total, first, second in zip(whole, *parts, strict=True):
        np.testing.assert_allclose(first + second, total, rtol=1e-12)


def test_users_without_a_rating_are_left_out() -> None:
    totals = seen_users(np.array([2.0, 0.0, 1.0]), np.array([[8.0, 0.0, 1.0]]), RMSE)

    assert totals.counts.tolist() == [2, 1]
    assert totals.values == pytest.approx([3**0.5])


def test_a_metric_that_is_no_mean_over_ratings_is_refused() -> None:
    some = np.ones(2, np.float32)

    with pytest.raises(UsageError, match="'rmse-by-user' is not a mean over ratings"):
        user_totals(some, [some], np.zeros(2, np.int32), RMSE_BY_USER)

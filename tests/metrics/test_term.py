"""Terms: a metric made from one is the mean it says, and what is wrong is refused."""

from dataclasses import replace
from math import fsum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.errors import PluginError
from benchbox.metrics.metric import MAE, MAPE, RMSE, Metric
from benchbox.metrics.scored import Score, Scored
from benchbox.metrics.term import Term
from tests.support.acme_metrics import CUBED, MEDIAN, WITHIN_HALF
from tests.support.toys import quarters

CHUNK = 1 << 15

pairs = st.lists(st.tuples(quarters, quarters | st.just(0.0)), min_size=1)


def scored(predicted, actual) -> Scored:
    n = len(actual)
    return Scored(
        predicted=np.array(predicted, np.float32),
        actual=np.array(actual, np.float32),
        users=np.zeros(n, np.int32),
        items=np.arange(n, dtype=np.int32),
    )


def metric(**changes) -> Metric:
    values = {
        "name": "mine",
        "title": "mine",
        "unit": "rating",
        "higher_is_better": False,
        "pooling": "rating",
        "definition": "mine",
    }
    return Metric(**values | changes)


@given(pairs=pairs)
def test_a_metric_without_a_function_is_the_mean_of_its_term(pairs) -> None:
    predicted, actual = zip(*pairs, strict=True)
    errors = [abs(p - r) for p, r in pairs]

    cubed = CUBED.function(scored(predicted, actual))
    within = WITHIN_HALF.function(scored(predicted, actual))

    n = len(pairs)
    mean_cube = fsum(e**3 for e in errors) / n
    assert cubed == Score(value=pytest.approx(mean_cube), n_scored=n)
    assert within.value == pytest.approx(sum(e <= 0.5 for e in errors) / n)


@pytest.mark.parametrize("known", [RMSE, MAE, MAPE], ids=lambda m: m.name)
@given(pairs=pairs)
def test_the_terms_of_the_bundled_metrics_give_what_their_functions_give(
    known, pairs
) -> None:
    given = scored(*zip(*pairs, strict=True))

    by_function, by_term = known.function(given), known.term.score(given)

    assert by_term.n_scored == by_function.n_scored
    assert by_term.n_excluded == by_function.n_excluded
    if by_function.value is None:
        assert by_term.value is None
    else:
        assert by_term.value == pytest.approx(by_function.value, rel=1e-12)


@pytest.mark.parametrize("n", [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 1])
def test_no_rating_is_lost_between_chunks(n: int) -> None:
    draw = np.random.default_rng(n)
    predicted, actual = draw.uniform(1, 5, (2, n)).astype(np.float32)

    found = CUBED.function(scored(predicted, actual))

    errors = np.abs(predicted.astype(float) - actual)
    assert found == Score(value=pytest.approx((errors**3).mean()), n_scored=n)


def test_ratings_that_do_not_count_are_left_out_and_counted() -> None:
    high = Term(of=lambda p, r: np.abs(p - r), includes=lambda r: r >= 4, power=2)

    assert high.score(scored([1, 1, 2], [3, 4, 5])) == Score(
        value=9.0, n_scored=2, n_excluded=1
    )
    assert high.score(scored([1], [3])) == Score(value=None, n_scored=0, n_excluded=1)


def test_a_term_of_another_shape_is_refused_with_both_shapes() -> None:
    total = Term(of=lambda predicted, actual: np.abs(predicted - actual).sum())

    with pytest.raises(PluginError, match=r"one number per rating, shape \(2,\), not "):
        total.score(scored([1, 2], [3, 4]))


@pytest.mark.parametrize("power", [0, -1, float("nan")])
def test_a_power_that_is_none_is_refused(power: float) -> None:
    with pytest.raises(PluginError, match="must be above 0, not"):
        Term(of=np.subtract, power=power)


def test_a_metric_needs_a_function_or_a_term() -> None:
    with pytest.raises(PluginError, match="'mine' has neither a function nor a term"):
        metric()


def test_a_term_pools_ratings_and_nothing_else() -> None:
    with pytest.raises(
        PluginError, match="pools by user, but a term belongs to one rating"
    ):
        metric(pooling="user", term=CUBED.term)


def test_a_copy_with_another_term_is_another_mean() -> None:
    squared = replace(CUBED, term=Term(of=lambda p, r: (p - r) ** 2))

    assert CUBED.function(scored([1], [3])).value == 8
    assert squared.function(scored([1], [3])).value == 4
    assert replace(CUBED, title="cube").function(scored([1], [3])).value == 8


def test_a_metric_as_older_plugins_state_it_is_still_one() -> None:
    plain = metric(function=MEDIAN.function)

    assert plain.function is MEDIAN.function
    assert (plain.flaw, plain.term) == ("", None)

"""Paired: two models on the same ratings differ significantly as far as users allow."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.analysis.statistics.paired import compare, compare_all, groups, holm
from benchbox.metrics.metric import MAE, MAPE, RMSE
from benchbox.metrics.term import Term
from benchbox.metrics.totals import user_totals
from tests.support.acme_metrics import WITHIN_HALF


def ratings(n_users: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    users = np.repeat(np.arange(n_users, dtype=np.int32), draw.integers(1, 20, n_users))
    return draw.integers(1, 6, len(users)).astype(np.float32), users


def noisy(truth: np.ndarray, deviation: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, deviation, len(truth))
    return (truth + noise).astype(np.float32)


def test_a_better_model_is_better_by_as_much_as_it_is() -> None:
    truth, users = ratings()

    effect = compare(truth, noisy(truth, 0.8, 1), noisy(truth, 1.0, 2), users)

    assert effect.verdict == "better"
    assert effect.difference == pytest.approx(effect.first - effect.second)
    assert effect.difference == pytest.approx(-0.2, abs=0.03)
    assert effect.relative == pytest.approx(effect.first / effect.second - 1)
    assert effect.relative in effect.relative_interval
    assert effect.standardised < 0
    assert (effect.n_users, effect.n_ratings) == (300, len(truth))
    assert 0.5 < effect.share_better < 1
    assert effect.p_users < 0.001


def test_the_second_view_of_a_pair_is_the_first_turned_round() -> None:
    truth, users = ratings()
    predictions = noisy(truth, 0.8, 1), noisy(truth, 1.0, 2)

    one = compare(truth, *predictions, users)
    other = compare(truth, *predictions[::-1], users)

    assert other.verdict == "worse"
    assert other.difference == pytest.approx(-one.difference)
    assert other.interval.low == pytest.approx(-one.interval.high)
    assert other.p_users == pytest.approx(one.p_users)


def test_identical_predictions_are_the_same_before_any_test() -> None:
    truth, users = ratings()
    predicted = noisy(truth, 1.0, 1)

    effect = compare(truth, predicted, predicted.copy(), users)

    assert (effect.verdict, effect.same, effect.difference) == ("same", True, 0.0)


def test_models_of_equal_skill_are_not_told_apart() -> None:
    truth, users = ratings()

    effect = compare(truth, noisy(truth, 1.0, 3), noisy(truth, 1.0, 4), users)

    assert effect.verdict == "not significant"
    assert 0 in effect.interval


@pytest.mark.parametrize("metric", [MAE, MAPE], ids=lambda m: m.name)
def test_other_metrics_are_compared_on_a_scale_with_zeros(metric) -> None:
    truth, users = ratings()
    truth = truth - 3

    effect = compare(
        truth, noisy(truth, 0.5, 1), noisy(truth, 1.0, 2), users, metric=metric
    )

    scored = np.count_nonzero(truth) if metric is MAPE else len(truth)
    assert effect.verdict == "better"
    assert effect.n_ratings == scored < len(truth) + 1


def test_more_is_better_where_the_metric_says_so() -> None:
    truth, users = ratings()

    effect = compare(
        truth, noisy(truth, 0.5, 1), noisy(truth, 1.0, 2), users, metric=WITHIN_HALF
    )
    turned = compare(
        truth, noisy(truth, 1.0, 2), noisy(truth, 0.5, 1), users, metric=WITHIN_HALF
    )

    assert effect.first > effect.second
    assert effect.difference == pytest.approx(effect.first - effect.second)
    assert (effect.verdict, turned.verdict) == ("better", "worse")
    assert effect.share_better > 0.5 > turned.share_better
    assert not effect.is_by_few
    assert effect.relative in effect.relative_interval


def test_a_figure_that_may_be_below_0_has_no_relative_difference() -> None:
    truth, users = ratings()
    bias = replace(MAE, name="bias", term=Term(of=np.subtract))

    effect = compare(truth, truth + 0.5, truth - 0.5, users, metric=bias)

    assert (effect.first, effect.second) == (0.5, -0.5)
    assert (effect.difference, effect.relative) == (1.0, None)
    assert effect.verdict == "worse"


def test_a_gain_for_a_few_active_users_is_told_as_such() -> None:
    # Three in four users lose a little, the active fourth gain more in total.
    users = np.repeat(np.arange(400, dtype=np.int32), [40] * 100 + [2] * 300)
    truth = np.zeros(len(users), np.float32)
    draw = np.random.default_rng(0)
    second = draw.uniform(0.9, 1.1, len(users)).astype(np.float32)
    first = np.where(users < 100, second - 0.2, second + 0.1).astype(np.float32)

    effect = compare(truth, first, second, users)

    assert (effect.verdict, effect.is_by_few) == ("better", True)
    assert effect.share_better == 0.25


def test_one_user_leaves_everything_open() -> None:
    truth = np.array([1, 2, 3], np.float32)

    effect = compare(truth, truth + 1, truth, np.zeros(3, np.int32))

    assert (effect.verdict, effect.interval, effect.relative) == (
        "not significant",
        None,
        None,
    )


def test_all_pairs_are_compared_once_and_corrected_for_their_number() -> None:
    truth, users = ratings()
    models = [noisy(truth, d, k) for k, d in enumerate((0.9, 0.91, 1.0))]
    models.append(models[0])

    effects = dict(compare_all(user_totals(truth, models, users, RMSE), {(0, 3)}))

    assert list(effects) == list(combinations(range(4), 2))
    assert effects[0, 3].verdict == "same"
    alone = compare(truth, models[0], models[1], users)
    assert effects[0, 1].difference == pytest.approx(alone.difference)
    assert effects[0, 1].p_value > alone.p_value


def test_corrected_p_values_are_those_worked_out_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_correction_keeps_the_order_and_never_lowers(p_values) -> None:
    corrected = holm(p_values)

    assert all(0 <= a <= b <= 1 for a, b in zip(p_values, corrected, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(corrected)[order]) >= 0).all()


def test_letters_of_three_models_of_which_the_ends_differ() -> None:
    assert groups(3, {(0, 2)}) == ["a", "ab", "b"]
    assert groups(3, set()) == ["a", "a", "a"]
    assert groups(3, {(0, 1), (0, 2), (1, 2)}) == ["a", "b", "c"]


@given(st.integers(1, 7), st.data())
def test_two_models_share_a_letter_just_if_not_told_apart(n, data) -> None:
    pairs = list(combinations(range(n), 2))
    apart = data.draw(st.sets(st.sampled_from(pairs)) if pairs else st.just(set()))

    letters = groups(n, apart)

    for a, b in pairs:
        assert bool(set(letters[a]) & set(letters[b])) == ((a, b) not in apart)
    assert all(letters)

"""Variants: one set of predictions gives as many figures as there are definitions."""

import numpy as np
import pytest

from benchbox.metrics.scored import Score, Scored
from benchbox.metrics.variants import VARIANTS

# Two warm users, the second of whom rates often, and a new one who is hard to predict.
USERS = np.array([0, 1, 1, 1, 2], np.int32)
ITEMS = np.array([0, 0, 1, 1, 1], np.int32)
ACTUAL = np.array([3, 3, 3, 3, 5], np.float32)
UNCLIPPED = np.array([4, 3, 3, 3, -2], np.float32)
COLD = USERS == 2

GIVEN = Scored(predicted=UNCLIPPED.clip(1, 5), actual=ACTUAL, users=USERS, items=ITEMS)


def test_definitions_differ_as_worked_out_by_hand() -> None:
    found = {v.name: v.of(GIVEN, UNCLIPPED, COLD) for v in VARIANTS}

    assert found == {
        "pooled": Score(value=pytest.approx((17 / 5) ** 0.5), n_scored=5),
        "unclipped": Score(value=pytest.approx((50 / 5) ** 0.5), n_scored=5),
        "by-user": Score(value=pytest.approx((1 + 0 + 4) / 3), n_scored=5),
        "by-item": Score(
            value=pytest.approx((0.5**0.5 + (16 / 3) ** 0.5) / 2), n_scored=5
        ),
        "known": Score(value=pytest.approx(0.5), n_scored=4, n_excluded=1),
        "known-by-user": Score(value=pytest.approx(0.5), n_scored=4, n_excluded=1),
    }


def test_nothing_is_left_where_all_are_cold() -> None:
    found = VARIANTS[4].of(GIVEN, UNCLIPPED, np.ones(5, dtype=bool))

    assert found == Score(value=None, n_scored=0, n_excluded=5)


def test_only_the_first_is_a_headline() -> None:
    assert [variant.caution == "" for variant in VARIANTS] == [True] + [False] * 5
    assert VARIANTS[0].title == "RMSE"
    assert all("RMSE" not in variant.title for variant in VARIANTS[1:])

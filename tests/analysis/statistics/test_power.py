"""Settle: what it asks for is enough, and no more than enough."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest

from benchbox.analysis.statistics.intervals import Interval, paired_interval
from benchbox.analysis.statistics.paired import compare
from benchbox.analysis.statistics.power import (
    fits_needed,
    folds_needed,
    seeds_may_explain,
    users_needed,
)
from benchbox.analysis.statistics.seeds import SeedSpread, seed_spread


def an_effect():
    truth = np.zeros(100, np.float32)
    draw = np.random.default_rng(0)
    columns = [draw.normal(1, 0.5, 100).astype(np.float32) for _ in range(2)]
    return compare(truth, *columns, np.arange(100, dtype=np.int32))


def test_users_are_as_many_as_make_the_error_small_enough() -> None:
    # A difference of one error needs (1.96 + 0.84)² = 7.85 times as many.
    effect = replace(an_effect(), difference=-0.1, standard_error=0.1, n_users=1000)

    assert users_needed(effect) == 7849
    assert users_needed(replace(effect, difference=9.0)) == 1000
    assert users_needed(replace(effect, difference=0.0)) is None


def spreads(*deviations: float, n_free: int = 100) -> list[SeedSpread]:
    """Return spreads over seeds of models fitted four times in all."""
    return [SeedSpread(deviation, n_free, share=0.25) for deviation in deviations]


def test_fits_are_as_many_as_make_seeds_small_enough() -> None:
    assert fits_needed(0.1, spreads(0.1, 0.0), n_folds=1) == 8
    assert fits_needed(0.1, spreads(0.1, 0.1), n_folds=1) == 16
    assert fits_needed(0.1, spreads(0.1, 0.1), n_folds=4) == 4
    assert fits_needed(0.1, spreads(0.0, 0.0), n_folds=1) == 1
    assert fits_needed(0.0, spreads(0.1, 0.1), n_folds=1) is None


def test_seeds_explain_what_lies_within_two_of_their_errors() -> None:
    # The error of the difference is sqrt(0.01 / 4 + 0.01 / 4) = 0.0707, and with many
    # fits its quantile is 1.97.
    first, second = spreads(0.1, 0.1)
    assert seeds_may_explain(-0.13, (first, second), None)
    assert not seeds_may_explain(-0.15, (first, second), None)
    # With two fits a side it is 4.3.
    few = spreads(0.1, 0.1, n_free=1)
    assert seeds_may_explain(-0.30, (few[0], few[1]), None)
    assert not seeds_may_explain(-0.31, (few[0], few[1]), None)
    sure = SeedSpread(0.0, 0, share=1.0)
    assert not seeds_may_explain(0.01, (sure, sure), None)


def test_an_unknown_spread_over_seeds_is_not_a_spread_of_zero() -> None:
    (known,) = spreads(0.1)
    unknown = seed_spread([[0.9]], is_stochastic=True)

    assert unknown is None
    assert fits_needed(0.5, [known, unknown], n_folds=1) is None
    assert seeds_may_explain(0.5, (known, unknown), None)
    # Refits on other folds have other seeds too.
    assert not seeds_may_explain(0.5, (known, unknown), Interval(0.4, 0.6))
    assert seeds_may_explain(0.5, (known, unknown), Interval(-0.1, 1.1))
    assert seed_spread([[0.9]], is_stochastic=False) == SeedSpread(0.0, 0, share=1.0)


def test_folds_are_the_fewest_that_part_the_interval_from_zero() -> None:
    differences = [0.8, 1.2]
    share = 0.01

    n = folds_needed(differences, share)

    def told(n: int) -> bool:
        # As many folds with the same mean and deviation.
        deviation = np.std(differences, ddof=1) * sqrt((n - 1) / n)
        of_n = 1 + deviation * np.array([1, -1] * (n // 2) + [0] * (n % 2))
        of_n = 1 + (of_n - 1) * np.std(differences, ddof=1) / np.std(of_n, ddof=1)
        return 0 not in paired_interval(of_n.tolist(), share)

    assert n == 3
    assert told(n)
    assert not told(n - 1)


@pytest.mark.parametrize(
    ("differences", "share"), [([0.1], 0.2), ([-1.0, 1.2], 0.25), ([1.0, -1.0], 0.2)]
)
def test_no_number_of_folds_helps_where_they_share_too_much(differences, share) -> None:
    assert folds_needed(differences, share) is None

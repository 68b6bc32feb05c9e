"""Statistics: an interval over folds is as wide as shared training ratings ask for."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchbox.analysis.statistics.intervals import Interval, paired_interval, spread

differences = st.lists(st.integers(-1000, 1000).map(lambda n: n / 1000), min_size=2)


def width(interval: Interval) -> float:
    return interval.high - interval.low


@given(differences=differences)
def test_independent_folds_give_the_usual_t_interval(differences) -> None:
    mine = paired_interval(differences, hidden_share=0)

    n, mean = len(differences), np.mean(differences)
    # scipy warns of an interval where nothing varies.
    expected = (mean, mean)
    if len(set(differences)) > 1:
        error = np.std(differences, ddof=1) / sqrt(n)
        expected = stats.t.interval(0.95, n - 1, mean, error)
    assert (mine.low, mine.high) == pytest.approx(expected, abs=1e-12)


@given(differences=differences, share=st.floats(0, 2))
def test_shared_training_ratings_widen_the_interval_about_its_middle(
    differences, share
) -> None:
    narrow = paired_interval(differences, hidden_share=0)
    wide = paired_interval(differences, hidden_share=share)

    factor = sqrt(1 + share * len(differences))
    assert width(wide) == pytest.approx(width(narrow) * factor, abs=1e-12)
    assert wide.low + wide.high == pytest.approx(narrow.low + narrow.high, abs=1e-12)


def test_five_folds_give_the_interval_worked_out_by_hand() -> None:
    # Mean 0.03, deviation 0.0158114, t of 0.975 with 4 degrees 2.7764451,
    # and a share of 20,000 to 80,000: sqrt(1/5 + 1/4) = 0.6708204.
    interval = paired_interval([0.01, 0.02, 0.03, 0.04, 0.05], hidden_share=0.25)

    assert interval.low == pytest.approx(0.03 - 0.0294486, abs=1e-7)
    assert interval.high == pytest.approx(0.03 + 0.0294486, abs=1e-7)


@pytest.mark.parametrize("differences", [[], [0.3]])
def test_fewer_than_two_folds_tell_nothing(differences) -> None:
    assert paired_interval(differences, hidden_share=0.25) is None
    assert spread(differences) is None


def test_models_that_never_differ_have_an_interval_of_nothing_but_zero() -> None:
    interval = paired_interval([0.0, 0.0, 0.0], hidden_share=0.25)

    assert interval == Interval(0.0, 0.0)
    assert 0.0 in interval


def test_an_interval_holds_its_ends() -> None:
    assert [v in Interval(1, 2) for v in (0.9, 1, 1.5, 2, 2.1)] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_spread_is_the_sample_standard_deviation() -> None:
    assert spread([2, 4, 4, 4, 5, 5, 7, 9]) == pytest.approx(sqrt(32 / 7))


def test_an_interval_among_many_models_is_as_wide_as_the_studentised_range() -> None:
    differences = [0.8, 1.2, 1.0, 0.9, 1.1]
    two = paired_interval(differences, 0.25)
    many = paired_interval(differences, 0.25, n_models=12)

    assert two is not None
    assert many is not None
    # From tables: t of 97.5 % with 4 degrees of freedom is 2.776; the range of 12 means
    # at 95 % is 8.21, and as a difference of two 8.21 / sqrt(2).
    widths = [one.high - one.low for one in (two, many)]
    assert widths[1] / widths[0] == pytest.approx(8.21 / 2**0.5 / 2.776, rel=2e-3)

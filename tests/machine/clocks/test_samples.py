"""Samples: quartiles and the worst hundredth; outliers are counted, never dropped."""

import numpy as np
import pytest

from benchbox.machine.clocks.samples import summarise


def test_known_durations_have_known_figures() -> None:
    found = summarise([k / 100 for k in range(101)])

    assert found.n == 101
    assert found.median_seconds == pytest.approx(0.5)
    assert (found.low_seconds, found.high_seconds) == pytest.approx((0.25, 0.75))
    assert found.p99_seconds == pytest.approx(0.99)
    assert found.n_outliers == 0


def test_an_outlier_is_flagged_and_stays_in() -> None:
    quick = list(np.linspace(0.01, 0.012, 49))

    found = summarise([*quick, 1.0])

    assert (found.n, found.n_outliers) == (50, 1)
    assert found.p99_seconds > 0.5


def test_equal_durations_have_no_outliers() -> None:
    assert summarise([0.01] * 30).n_outliers == 0
    # What differs by less than a clock can tell is equal.
    assert summarise([0.01] * 29 + [0.01 + 1e-7]).n_outliers == 0


def test_a_single_duration_is_all_of_its_figures() -> None:
    found = summarise([0.5])

    assert found.median_seconds == found.p99_seconds == 0.5

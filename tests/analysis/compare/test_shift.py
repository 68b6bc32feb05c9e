"""Ranks: the interval is exact, and agrees with the test it inverts."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from benchbox.analysis.compare.shift import n_needed, shift

ERROR_RATE = 0.01

samples = st.lists(st.integers(0, 10**6), min_size=4, max_size=12, unique=True)


@given(samples, samples, st.integers(-(10**6), 10**6))
def test_the_interval_leaves_out_zero_just_when_the_exact_test_rejects(
    first: list[int], second: list[int], moved: int
) -> None:
    # Halves keep the two samples without ties.
    second = [value + moved + 0.5 for value in second]

    found = shift(first, second, error_rate=ERROR_RATE)

    p_value = mannwhitneyu(first, second, method="exact").pvalue
    if found is None:
        assert p_value > ERROR_RATE
    else:
        assert found.low <= found.value <= found.high
        assert (not found.low <= 0 <= found.high) == (p_value <= ERROR_RATE)


def test_a_known_shift_is_found() -> None:
    first = [10.0, 11, 12, 13, 14, 15]

    found = shift(first, [v + 100 for v in first], error_rate=ERROR_RATE)

    assert found is not None
    assert found.value == 100
    assert 95 <= found.low < 100 < found.high <= 105


def test_six_a_side_make_a_verdict_and_four_can_tell_nothing() -> None:
    assert n_needed(ERROR_RATE) == n_needed(0.2) == 6
    assert n_needed(0.001) == 7
    assert 2 / comb(8, 4) > ERROR_RATE >= 2 / comb(10, 5)
    assert shift(range(4), range(100, 104), error_rate=ERROR_RATE) is None
    assert shift([], [1.0], error_rate=ERROR_RATE) is None


@pytest.mark.parametrize("n", [40, 41])
def test_the_approximation_for_many_values_meets_the_exact_one(n: int) -> None:
    draw = np.random.Generator(np.random.PCG64(3))
    first, second = draw.normal(size=(2, n))

    found = shift(list(first), list(second), error_rate=ERROR_RATE)

    assert found is not None
    width = found.high - found.low
    # Of a normal sample: 2 × 2.58 × sqrt(2 / n), little more for a rank test.
    assert width == pytest.approx(5.15 * (2 / n) ** 0.5, rel=0.25)

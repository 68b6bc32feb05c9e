"""Quantiles: found by counting, they are those that NumPy finds by sorting."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchbox.arrays import quantiles
from benchbox.arrays.quantiles import quantile_of
from tests.support.in_parts import in_parts

LIMITS = np.iinfo(np.int64)


@given(
    numbers=st.lists(
        st.integers(-3, 3)
        | st.integers(10**9, 10**9 + 300_000)
        | st.integers(LIMITS.min, LIMITS.max),
        min_size=1,
        max_size=40,
    ),
    share=st.floats(0, 1),
)
def test_counting_finds_what_sorting_finds(numbers, share) -> None:
    column = np.array(numbers, dtype=np.int64)
    ordered = np.sort(column)
    expected = float(np.quantile(column, share))

    with in_parts(at_once=0):
        found = quantile_of(column, share)
        ranked = [quantiles._ranked(column, k) for k in range(len(column))]

    assert ranked == ordered.tolist()
    assert found == expected

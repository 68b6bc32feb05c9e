"""Parallel: parts cover every element once, and results keep their order."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.arrays import parallel
from benchbox.arrays.parallel import each, fill, long_slices, slices, total


@pytest.mark.parametrize("make", [slices, long_slices])
@given(n=st.integers(0, 3 * parallel._LONG_PART))
def test_slices_cover_every_element_once(make, n) -> None:
    parts = make(n)

    assert sum(part.stop - part.start for part in parts) == n
    assert all(a.stop == b.start for a, b in pairwise(parts))


@pytest.mark.parametrize("n", [0, 1, 100])
def test_results_keep_the_order_of_the_parts(n) -> None:
    assert each(str, range(n)) == [str(k) for k in range(n)]


def test_an_error_in_a_part_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        each(lambda k: 1 // k, [1, 0, 2])


@pytest.mark.parametrize("n", [1, 2, 3, 100])
def test_results_are_added_up_in_order(n) -> None:
    assert total(str, range(n), str.__add__) == "".join(map(str, range(n)))


@pytest.mark.parametrize("n", [0, 10, parallel._PART, 2 * parallel._PART + 3])
def test_a_column_is_filled_to_its_end(n) -> None:
    column = np.zeros(n, dtype=np.int64)

    fill(column, lambda part: np.arange(part.start, part.stop))

    assert (column == np.arange(n)).all()

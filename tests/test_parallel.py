"""Parallel: parts cover every element once, and results keep their order."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox import parallel
from benchbox.parallel import count_each, each, fill, long_slices, slices


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


@pytest.mark.parametrize("n", [0, 10, parallel._PART, 2 * parallel._PART + 3])
def test_a_column_is_filled_to_its_end(n) -> None:
    column = np.zeros(n, dtype=np.int64)

    fill(column, lambda part: np.arange(part.start, part.stop))

    assert (column == np.arange(n)).all()


@given(
    indexes=st.lists(st.integers(0, 6)),
    size=st.integers(7, 20),
    part=st.integers(1, 30),
)
def test_indexes_are_counted_whatever_the_parts(indexes, size, part) -> None:
    column = np.array(indexes, dtype=np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "_LONG_PART", part)

        counts = count_each(column, size)

    assert counts.dtype == np.int64
    assert counts.tolist() == [indexes.count(number) for number in range(size)]

"""Positions: chosen and sorted in parts, they are what NumPy finds at once."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.arrays.positions import (
    every_position,
    is_rising,
    order_of,
    order_within,
    positions_where,
    repeated,
    runs_of,
)
from tests.support.in_parts import in_parts
from tests.support.maps import is_mapped
from tests.support.memory import peak_bytes

numbers = st.lists(st.integers(0, 9), max_size=40)


@given(flags=st.lists(st.booleans(), max_size=40))
def test_chosen_positions_are_those_of_the_flags(flags) -> None:
    marks = np.array(flags, dtype=bool)

    with in_parts():
        found = positions_where(len(marks), lambda part: marks[part])

    assert found.tolist() == np.flatnonzero(marks).tolist()
    assert found.dtype == np.int64


def test_every_position_is_counted() -> None:
    with in_parts():
        found = every_position(11)

    assert found.tolist() == list(range(11))
    assert is_mapped(found)


@given(draws=st.lists(st.integers(0, 2**64 - 1), max_size=60), twice=st.booleans())
def test_random_numbers_are_sorted_as_at_once(draws, twice) -> None:
    column = np.array(draws + draws * twice, dtype=np.uint64)

    with in_parts():
        found = order_of(column)

    assert found.tolist() == np.argsort(column, kind="stable").tolist()


@given(pairs=st.lists(st.tuples(st.integers(0, 9), st.integers(-5, 5)), max_size=60))
def test_groups_are_sorted_as_at_once(pairs) -> None:
    groups = np.array([group for group, _ in pairs], dtype=np.int32)
    keys = np.array([key for _, key in pairs], dtype=np.int64)

    with in_parts():
        by_key = order_within(groups, 12, keys)
        in_order = order_within(groups, 12)

    assert by_key.tolist() == np.lexsort((keys, groups)).tolist()
    assert in_order.tolist() == np.argsort(groups, kind="stable").tolist()


@pytest.mark.parametrize("low", [np.iinfo(np.int64).min, -5, 0])
@pytest.mark.parametrize("width", [3, 2**62])
def test_keys_of_any_width_are_sorted_within_groups(low, width) -> None:
    groups = np.array([1, 0, 1, 0, 3, 1], dtype=np.int32)
    keys = low + np.array([2, 1, 0, 1, 0, 2], dtype=np.int64) * (width // 3)

    found = order_within(groups, 4, keys)

    assert found.tolist() == [1, 3, 2, 0, 5, 4]


@given(firsts=numbers, more=numbers)
def test_repeated_pairs_are_found_with_the_first_of_each(firsts, more) -> None:
    n = min(len(firsts), len(more))
    first, second = (np.array(one[:n], dtype=np.int32) for one in (firsts, more))
    order = np.lexsort((second, first))
    pairs = list(zip(first[order].tolist(), second[order].tolist(), strict=True))

    with in_parts():
        found = repeated(first, second, order)
        same = repeated(first[order], second[order])

    assert found.tolist() == [k for k in range(1, n) if pairs[k] == pairs[k - 1]]
    assert same.tolist() == found.tolist()
    members, starts = runs_of(found)
    assert members.tolist() == [k for k in range(n) if pairs.count(pairs[k]) > 1]
    assert [pairs[k] for k in members[starts]] == [
        pair for pair in sorted(set(pairs)) if pairs.count(pair) > 1
    ]


@given(column=numbers)
def test_rising_numbers_are_told_from_others(column) -> None:
    with in_parts():
        found = is_rising(np.array(column, dtype=np.int64))

    assert found == all(a < b for a, b in pairwise(column))


def test_memory_does_not_grow_with_the_numbers() -> None:
    draws = np.random.PCG64(1).random_raw(400_000)
    groups = (draws % 500).astype(np.int32)

    def find() -> None:
        order_of(draws)
        order_within(groups, 500, draws)
        positions_where(len(draws), lambda part: groups[part] > 3)

    with in_parts(at_once=4000, part=4000):
        find()
        # One of the results alone has 3.2 MB.
        assert peak_bytes(find) < 1_000_000

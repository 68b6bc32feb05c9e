"""Grouping: many ratings, sorted in parts and in files, are grouped as few are."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.arrays import grouping, mapped, parallel
from benchbox.arrays.grouping import add_sums, group, tally
from benchbox.errors import DataError
from tests.support.maps import is_mapped
from tests.support.memory import peak_bytes
from tests.support.toy_ratings import from_matrix
from tests.support.toys import ratings, tiny_ratings

ARRAYS = ("offsets", "indices", "values", "positions")


def shuffled(whole, seed: int):
    order = np.random.default_rng(seed).permutation(len(whole))
    return whole.take(order)


@given(
    whole=ratings(),
    seed=st.integers(0, 2**32 - 1),
    at_once=st.integers(1, 9),
    part=st.integers(1, 9),
)
def test_ratings_sorted_in_parts_are_grouped_as_at_once(
    whole, seed, at_once, part
) -> None:
    mixed = shuffled(whole, seed)

    expected = mixed.by_user(), mixed.by_item()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "MOST_AT_ONCE", at_once)
        patch.setattr(parallel, "_LONG_PART", part)
        patch.setattr(mapped, "MOST_BYTES_IN_MEMORY", 0)
        found = mixed.by_user(), mixed.by_item()

    for some, others in zip(expected, found, strict=True):
        for name in ARRAYS:
            one, other = getattr(some, name), getattr(others, name)
            assert one.tolist() == other.tolist()
            assert one.dtype == other.dtype


def test_large_results_are_mapped(monkeypatch) -> None:
    monkeypatch.setattr(grouping, "MOST_AT_ONCE", 5)
    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", 40)

    rows = tiny_ratings(12).by_item()

    assert rows.order is not None
    assert all(map(is_mapped, (rows.indices, rows.values, rows.order)))
    assert is_mapped(rows.arranged(np.arange(12)))


@pytest.mark.parametrize("at_once", [5, 100])
def test_positions_take_64_bits_where_32_do_not_suffice(monkeypatch, at_once) -> None:
    monkeypatch.setattr(grouping, "MOST_AT_ONCE", at_once)
    expected = tiny_ratings(12).by_item()
    monkeypatch.setattr(grouping, "MOST_IN_32_BITS", 11)

    rows = tiny_ratings(12).by_item()

    assert (expected.order.dtype, rows.order.dtype) == (np.int32, np.int64)
    assert rows.order.tolist() == expected.order.tolist()
    assert rows.positions.dtype == expected.positions.dtype == np.int64


def test_sorted_ratings_are_neither_copied_nor_numbered() -> None:
    whole = tiny_ratings(12)

    rows = whole.by_user()

    assert rows.order is None
    assert rows.indices is whole.items
    assert rows.values is whole.values
    assert rows.arranged(whole.timestamps) is whole.timestamps
    assert rows.positions.tolist() == list(range(12))


@given(whole=ratings(), seed=st.integers(0, 2**32 - 1))
def test_a_column_is_arranged_as_positions_say(whole, seed) -> None:
    mixed = shuffled(whole, seed)
    column = np.arange(len(mixed), dtype=np.float64)

    for rows in (mixed.by_user(), mixed.by_item()):
        assert rows.arranged(column).tolist() == rows.positions.tolist()


@pytest.mark.parametrize("at_once", [2, 100])
def test_repeated_pairs_are_counted_wherever_they_are(monkeypatch, at_once) -> None:
    monkeypatch.setattr(grouping, "MOST_AT_ONCE", at_once)
    whole = tiny_ratings(8)
    twice = np.array([7, 0, 1, 2, 3, 0, 4, 5, 7, 6])
    repeated = replace(whole, timestamps=None, rows=None).take(twice)

    for rows in (repeated.by_user, repeated.by_item):
        with pytest.raises(DataError, match="2 of 10 ratings repeat"):
            rows()


@given(
    groups=st.lists(st.integers(0, 30)),
    part=st.integers(1, 40),
    spare=st.integers(1, 9),
)
def test_sums_in_parts_are_those_of_numpy(groups, part, spare) -> None:
    column = np.array(groups, dtype=np.int32)
    n, weights = 30 + spare, np.arange(len(column)) / 8
    sums = np.zeros(n)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "_LONG_PART", part)
        counts = tally(column, n)
    for cells in (slice(0, part), slice(part, None)):
        add_sums(sums, column[cells], weights[cells])

    assert counts.tolist() == np.bincount(column, minlength=n).tolist()
    assert sums.tolist() == np.bincount(column, weights, n).tolist()


def test_grouping_takes_little_memory_beside_files(monkeypatch) -> None:
    matrix = np.random.default_rng(0).random((1000, 200), dtype=np.float32)
    whole = shuffled(from_matrix(matrix), seed=1)
    monkeypatch.setattr(grouping, "MOST_AT_ONCE", 2000)
    monkeypatch.setattr(mapped, "MOST_BYTES_IN_MEMORY", 10_000)
    monkeypatch.setattr(parallel, "_PART", 1000)
    monkeypatch.setattr(parallel, "_LONG_PART", 1000)

    # The first call imports what sorts.
    whole.by_user()
    for rows in (whole.by_user, whole.by_item):
        # Any whole column in memory would take four bytes per rating.
        assert peak_bytes(rows) < 3 * len(whole)


def test_no_ratings_are_grouped_into_empty_rows() -> None:
    none = np.zeros(0, dtype=np.int32)

    rows = group(none, none, none.astype(np.float32), 2, 3)

    assert rows.offsets.tolist() == [0, 0, 0]
    assert rows.n_columns == 3

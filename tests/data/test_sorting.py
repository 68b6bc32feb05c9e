"""Sorting: bucket by bucket or at once, on any number of cores, the result is one."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchbox.data import sorting
from benchbox.data.indexing import index_ratings
from benchbox.data.raw import IdColumn, RawRatings
from benchbox.data.sorting import Ordered, Unordered, in_order
from benchbox.errors import DataError
from benchbox.ratings import RatingScale
from tests.support.in_parts import in_parts
from tests.support.memory import peak_bytes

FIVE = RatingScale(1, 5)


@pytest.fixture
def compiled(monkeypatch) -> None:
    """Sort by compiled loops however few ratings there are, eight to a bucket."""
    monkeypatch.setattr(sorting, "_LARGE", 1)
    monkeypatch.setattr(sorting, "_BUCKET", 8)


def drawn(n: int, n_users: int, n_items: int, seed: int = 0) -> Unordered:
    draw = np.random.default_rng(seed)
    return Unordered(
        users=draw.integers(0, n_users, n).astype(np.int32),
        items=draw.integers(0, n_items, n).astype(np.int32),
        values=draw.random(n),
        timestamps=draw.integers(-(10**12), 10**12, n),
        n_users=n_users,
        n_items=n_items,
    )


def expected(ratings: Unordered) -> dict[str, np.ndarray]:
    rows = np.lexsort((ratings.items, ratings.users))
    return {
        "users": ratings.users[rows],
        "items": ratings.items[rows],
        "values": ratings.values[rows].astype(np.float32),
        "timestamps": ratings.timestamps[rows],
        "rows": rows,
    }


def assert_ordered(ratings: Unordered, found: Ordered) -> None:
    for name, column in expected(ratings).items():
        np.testing.assert_array_equal(getattr(found, name), column, strict=True)


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 15, 16, 17, 1000])
@pytest.mark.parametrize("cores", [1, 2, 3, 64])
def test_any_number_of_ratings_is_sorted_on_any_number_of_cores(
    compiled, monkeypatch, n, cores
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    ratings = drawn(n, 50, 20)

    assert_ordered(ratings, in_order(ratings))


@pytest.mark.parametrize(
    ("n_users", "n_items"), [(1, 1), (1, 2**31 - 1), (2**20, 1), (3, 2**12), (70, 5)]
)
def test_any_numbers_of_users_and_items_are_sorted(
    compiled, monkeypatch, n_users, n_items
) -> None:
    # Groups of several users, as there are more users than groups.
    monkeypatch.setattr(sorting, "_GROUP_BITS", 4)
    ratings = drawn(500, n_users, n_items)

    assert_ordered(ratings, in_order(ratings))


def test_buckets_are_larger_where_there_would_be_too_many(
    compiled, monkeypatch
) -> None:
    monkeypatch.setattr(sorting, "_MOST_BUCKETS", 2)
    ratings = drawn(1000, 100, 10)

    assert_ordered(ratings, in_order(ratings))


def test_a_bucket_beyond_32_bits_is_numbered_in_64(compiled, monkeypatch) -> None:
    monkeypatch.setattr(sorting, "_MOST_IN_INT32", 4)
    ratings = drawn(1000, 100, 10)

    assert [a.dtype for a in sorting._scratch(5)[2:4]] == [np.int64] * 2
    assert [a.dtype for a in sorting._scratch(4)[2:4]] == [np.int32] * 2
    assert_ordered(ratings, in_order(ratings))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pairs=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1),
    kind=st.sampled_from([np.float32, np.float64]),
)
def test_small_and_large_tables_are_sorted_alike(compiled, pairs, kind) -> None:
    users, items = np.array(pairs, dtype=np.int32).T
    ratings = Unordered(
        # Every other element of a column, as a reader may hand it over.
        users=np.repeat(users, 2)[::2],
        items=items,
        values=np.arange(len(pairs), dtype=kind) / 3,
        timestamps=None,
        n_users=6,
        n_items=6,
    )

    at_once, by_buckets = sorting._at_once(ratings), in_order(ratings)

    assert by_buckets.timestamps is None
    for name in ("users", "items", "values", "rows"):
        np.testing.assert_array_equal(
            getattr(at_once, name), getattr(by_buckets, name), strict=True
        )


def repeated(n: int) -> RawRatings:
    """Return ratings of few pairs, so most are repeats, with ties in time."""
    draw = np.random.default_rng(n)
    return RawRatings(
        users=IdColumn.of(draw.integers(0, 9, n)),
        items=IdColumn.of(draw.integers(0, 4, n)),
        values=draw.integers(10, 50, n) / 10,
        timestamps=draw.integers(0, 3, n),
    )


@pytest.mark.parametrize("duplicates", ["last", "mean"])
def test_repeats_are_resolved_alike(compiled, monkeypatch, duplicates) -> None:
    raw = repeated(200)
    found = index_ratings(raw, FIVE, duplicates).ratings

    monkeypatch.setattr(sorting, "_LARGE", len(raw.values) + 1)
    at_once = index_ratings(raw, FIVE, duplicates).ratings

    assert len(found) == 36
    for name in ("users", "items", "values", "timestamps", "rows"):
        np.testing.assert_array_equal(
            getattr(found, name), getattr(at_once, name), strict=True
        )


def test_a_repeat_is_refused_alike(compiled, monkeypatch) -> None:
    raw = repeated(50)
    with pytest.raises(DataError) as large:
        index_ratings(raw, FIVE)

    monkeypatch.setattr(sorting, "_LARGE", len(raw.values) + 1)
    with pytest.raises(DataError) as small:
        index_ratings(raw, FIVE)

    assert str(large.value) == str(small.value)


SMALL = """
import sys
from benchbox.data.cards import RatingsTable
from benchbox.data.indexing import index_ratings
from benchbox.data.readers import read_ratings
from benchbox.ratings import RatingScale
from tests.support.in_parts import in_parts
from tests.support.memory import peak_bytes
from pathlib import Path
raw = read_ratings(Path(sys.argv[1]), RatingsTable(file=""))
print(index_ratings(raw, RatingScale(1, 5)).ratings.rows, "numba" in sys.modules)
"""


@pytest.mark.parametrize("kind", ["sorted", "shuffled", "repeated"])
def test_memory_does_not_grow_with_the_ratings(compiled, monkeypatch, kind) -> None:
    monkeypatch.setattr(sorting, "_BUCKET", 1000)

    def raw(n: int) -> RawRatings:
        pairs = np.arange(n) * 7
        if kind == "shuffled":
            pairs = np.random.default_rng(0).permutation(pairs)
        if kind == "repeated":
            pairs[-1] = pairs[0]
        users, items = np.divmod(pairs, 5000)
        names = [list(map(str, range(int(one.max()) + 1))) for one in (users, items)]
        return RawRatings(
            users=IdColumn(codes=users.astype(np.int32), names=names[0]),
            items=IdColumn(codes=items.astype(np.int32), names=names[1]),
            values=1 + np.arange(n) % 5.0,
            timestamps=np.arange(n),
        )

    def needed(n: int) -> int:
        found = raw(n)
        return peak_bytes(lambda: index_ratings(found, FIVE, "last"))

    with in_parts(at_once=4000, part=4000, most_bytes=40_000):
        needed(4000)
        more = needed(240_000) - needed(60_000)

    # The users or the items alone of so many more ratings would need twice as much.
    assert more < 2 * 180_000


def test_a_small_file_is_loaded_without_the_compiler(tmp_path) -> None:
    (tmp_path / "r.csv").write_text("user,item,rating\n2,1,3\n1,2,4\n1,1,5\n")
    command = [sys.executable, "-P", "-c", SMALL, str(tmp_path / "r.csv")]

    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert said == "[2 1 0] False\n"

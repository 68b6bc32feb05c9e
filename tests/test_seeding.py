"""Seeding: seeds depend only on names, and no upgrade changes a permutation."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import benchbox
from benchbox.seeding import derive_seed, permutation
from tests.support.toys import seeds

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
paths = st.lists(st.one_of(names, st.integers()), max_size=4).map(tuple)


@given(root=seeds, path=paths)
def test_a_seed_is_the_same_each_time_and_fits_a_json_number(root, path) -> None:
    seed = derive_seed(root, *path)

    assert seed == derive_seed(root, *path)
    assert 0 <= seed < 2**53


@given(root=seeds, one=paths, other=paths)
def test_two_branches_have_two_seeds(root, one, other) -> None:
    # Paths hold only text and integers: 1 and True would be equal in Python.
    same = one == other

    assert (derive_seed(root, *one) == derive_seed(root, *other)) == same


def test_neither_joining_names_nor_quoting_a_number_makes_the_same_branch() -> None:
    branches = [(0, "a", "b"), (0, "ab"), (0, "a", "b", ""), (0, 1), (0, "1"), (1,)]

    assert len({derive_seed(*branch) for branch in branches}) == len(branches)


def test_seeds_are_pinned() -> None:
    assert derive_seed(0) == 1576065993172788
    assert derive_seed(7, "toys", "kfold", 3) == 1686638816380448


@given(n=st.integers(0, 200), seed=seeds)
def test_a_permutation_holds_every_number_once(n, seed) -> None:
    assert sorted(permutation(n, seed, "toys")) == list(range(n))


@given(n=st.integers(0, 50), seed=seeds)
def test_a_permutation_depends_only_on_its_seed(n, seed) -> None:
    assert (
        permutation(n, seed, "toys").tolist() == permutation(n, seed, "toys").tolist()
    )


def test_seeds_give_different_orders() -> None:
    orders = {tuple(permutation(20, seed, "toys")) for seed in range(50)}

    assert len(orders) == 50


def test_every_number_comes_first_about_equally_often() -> None:
    first = [int(permutation(4, seed, "toys")[0]) for seed in range(2000)]

    # Six standard deviations around 500; the seeds are fixed, so this never varies.
    assert all(384 < first.count(number) < 616 for number in range(4))


def test_permutations_are_pinned() -> None:
    assert permutation(10, 0, "toys").tolist() == [7, 5, 0, 1, 3, 2, 9, 6, 4, 8]
    last = permutation(10, 2**53 - 1, "toys", 3)
    assert last.tolist() == [3, 2, 6, 8, 5, 7, 1, 9, 0, 4]


def test_orders_for_two_purposes_differ() -> None:
    orders = [permutation(20, 0, purpose).tolist() for purpose in ("a", "b")]

    assert orders[0] != orders[1]


def test_no_order_is_drawn_without_a_purpose() -> None:
    with pytest.raises(TypeError, match="purpose"):
        permutation(4, 0)


def test_nothing_that_splits_draws_from_a_stream_of_its_own() -> None:
    root = Path(benchbox.__file__).parent
    drawing = [
        file.name
        for room in ("data", "protocols", "runs")
        for file in (root / room).rglob("*.py")
        if re.search(r"default_rng|PCG64|RandomState|import random", file.read_text())
    ]

    assert not drawing

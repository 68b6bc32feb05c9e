"""Seeding: seeds depend only on names, and no upgrade changes a permutation."""

from hypothesis import given
from hypothesis import strategies as st

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
    assert sorted(permutation(n, seed)) == list(range(n))


@given(n=st.integers(0, 50), seed=seeds)
def test_a_permutation_depends_only_on_its_seed(n, seed) -> None:
    assert permutation(n, seed).tolist() == permutation(n, seed).tolist()


def test_seeds_give_different_orders() -> None:
    orders = {tuple(permutation(20, seed)) for seed in range(50)}

    assert len(orders) == 50


def test_every_number_comes_first_about_equally_often() -> None:
    first = [int(permutation(4, seed)[0]) for seed in range(2000)]

    # Six standard deviations around 500; the seeds are fixed, so this never varies.
    assert all(384 < first.count(number) < 616 for number in range(4))


def test_permutations_are_pinned() -> None:
    assert permutation(10, 0).tolist() == [3, 2, 1, 8, 6, 0, 7, 4, 5, 9]
    assert permutation(10, 2**53 - 1).tolist() == [4, 3, 7, 8, 5, 2, 6, 1, 9, 0]

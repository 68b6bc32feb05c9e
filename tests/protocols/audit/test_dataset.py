"""Audit of a whole data set: codes that are no ratings, and swapped columns."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.protocols import audit_fold, data_findings, make_folds
from benchbox.protocols.bundled import PROTOCOLS
from benchbox.ratings import Ratings, RatingScale
from tests.support.toys import tiny_ratings

ONE_TO_TEN = list(range(1, 11))
HALVES = [k / 2 for k in range(1, 11)]
JESTER = [k / 4 for k in range(-40, 41)]


def of(values) -> Ratings:
    """Return ratings of these values, by one user."""
    n = len(values)
    return Ratings(
        users=np.zeros(n, dtype=np.int32),
        items=np.arange(n, dtype=np.int32),
        values=np.array(values, dtype=np.float32),
        timestamps=None,
        rows=np.arange(n),
        n_users=1,
        n_items=n,
        scale=RatingScale(min(values), max(values)),
    )


def warned(data: Ratings) -> str:
    return " ".join(f"{found.name}: {found.text}" for found in data_findings(data))


@pytest.mark.parametrize(
    ("levels", "codes"),
    [
        (ONE_TO_TEN, {0: 600}),
        (HALVES, {0: 300}),
        ([7, 8, 8, 8, 9, 10, 5], {0: 60}),
        (ONE_TO_TEN, {-1: 200}),
        ([2, 4, 6, 8, 10], {-1: 197}),
        (list(range(11)), {-1: 50}),
        (JESTER, {99: 700}),
        (ONE_TO_TEN, {99: 1}),
        (ONE_TO_TEN, {0: 300, 99: 300}),
        (ONE_TO_TEN, {-999: 3}),
    ],
    ids=str,
)
def test_a_value_far_from_the_others_is_named_as_a_code(levels, codes) -> None:
    values = [code for code, n in codes.items() for _ in range(n)]
    values += (levels * (1000 // len(levels)))[: 1000 - len(values)]

    (found,) = data_findings(of(values))

    assert found.name == "code-for-missing"
    assert found.severity == "warning"
    assert found.n == sum(codes.values())
    assert f"missing={'+'.join(f'{c:g}' for c in sorted(codes))} " in found.text


@pytest.mark.parametrize(
    "weights",
    [
        dict.fromkeys(range(5), 20),
        dict.fromkeys(range(11), 10),
        {0: 20, 1: 10, 2: 20, 3: 30, 4: 40},
        {0: 60, 1: 40},
        {-1: 30, 0: 5, 1: 65},
        {-1: 50, 1: 50},
        {1: 40, 2: 5, 3: 10, 4: 15, 5: 30},
        {0.5: 3, 1: 5, 2: 10, 3: 30, 4: 40, 5: 12},
        dict.fromkeys(range(-10, 11), 5),
        {-5.63: 15, -1.63: 14, 2.37: 13, 6.37: 9, 10.37: 21},
        {0: 2, 1: 1, 2: 10, 3: 50, 4: 50},
        {3: 99, 4: 1},
    ],
    ids=str,
)
def test_ordinary_ratings_are_no_codes(weights) -> None:
    values = [value for value, n in weights.items() for _ in range(n)]

    assert not data_findings(of(values))


@given(
    levels=st.lists(st.integers(1, 10), min_size=2, max_size=50),
)
def test_ratings_of_one_to_ten_are_never_codes(levels) -> None:
    if len(set(levels)) > 1:
        assert not warned(of(levels * 2))


def test_a_warning_stands_in_the_audit_of_every_fold() -> None:
    data = replace(
        tiny_ratings(400),
        values=np.where(np.arange(400) % 2, 0, 1 + np.arange(400) % 5).astype("f4"),
        scale=RatingScale(0, 5),
    )

    for name in ("holdout", "kfold", "leave-one-out"):
        protocol = next(p for p in PROTOCOLS if p.name == name)
        for fold in make_folds(data, protocol, protocol.options(), {}):
            names = [found.name for found in audit_fold(fold).findings]
            assert "code-for-missing" in names


def named(users, items) -> Ratings:
    data = tiny_ratings(8)
    return replace(
        data,
        user_ids=np.array(users, dtype=object),
        item_ids=np.array(items, dtype=object),
    )


@pytest.mark.parametrize(
    ("users", "items"),
    [
        (["B000000001", "B00000000X"], ["A0000000000001"] * 4),
        (["B000000001", "B00000000X"], ["ann", "ben", "cid", "dan"]),
        (["movie1", "movie-2"], list("1234")),
        (["tt0000001", "tt0000002"], ["u1", "u2", "u3", "u4"]),
        (["5", "6"], ["ann@shop.test", "b@c.de", "c@d.de", "d@e.org"]),
        (["i1", "i2"], ["u1", "u2", "u3", "u4"]),
    ],
)
def test_ids_hint_at_swapped_columns(users, items) -> None:
    assert "swapped-columns" in warned(named(users, items))
    turned = named(items[:2], (users * 2)[:4])
    assert "swapped-columns" not in warned(turned)


@pytest.mark.parametrize(
    ("users", "items"),
    [
        (["1", "2"], list("1234")),
        (["ann", "ben"], ["toy", "car", "pen", "cup"]),
        (["i1", "x"], ["u1", "u2", "u3", "y"]),
        (["b1", "b2"], ["b3", "b4", "b5", "b6"]),
    ],
)
def test_ids_that_say_nothing_give_no_hint(users, items) -> None:
    assert "swapped-columns" not in warned(named(users, items))

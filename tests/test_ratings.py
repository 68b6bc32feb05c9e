"""Ratings: wrong columns are refused, and views keep every rating, zeros included."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.errors import DataError
from benchbox.ratings import RatingScale
from tests.support.toys import JESTER, ratings, tiny_ratings


@pytest.mark.parametrize(("low", "high"), [(5, 1), (3, 3), (float("nan"), 1)])
def test_a_scale_whose_end_is_not_above_its_start_is_refused(low, high) -> None:
    with pytest.raises(DataError, match="of a scale must be above the lowest"):
        RatingScale(low, high)


def test_clipping_moves_values_off_the_scale_to_its_ends() -> None:
    off_and_on = np.array([-11, -10, 0, 3.25, 10, 12], dtype=np.float32)

    clipped = JESTER.clip(off_and_on)

    assert clipped.tolist() == [-10, -10, 0, 3.25, 10, 10]
    assert clipped.dtype == np.float32


@pytest.mark.parametrize(
    ("scale", "text"),
    [(RatingScale(1, 5, 1), "1–5"), (RatingScale(0.5, 5), "0.5–5"), (JESTER, "-10–10")],
)
def test_a_scale_is_printed_as_its_range(scale, text) -> None:
    assert str(scale) == text


@pytest.mark.parametrize("name", ["users", "items", "values", "timestamps", "rows"])
def test_a_column_of_another_type_is_refused_by_name(name) -> None:
    fine = tiny_ratings(6)
    wrong = getattr(fine, name).astype(np.float64)

    with pytest.raises(DataError, match=f"{name!r} must be .* not float64"):
        replace(fine, **{name: wrong})


@pytest.mark.parametrize("name", ["users", "items", "timestamps", "rows"])
@pytest.mark.parametrize("shape", [(5,), (7,), (6, 1)])
def test_a_column_of_another_length_is_refused_by_name(name, shape) -> None:
    fine = tiny_ratings(6)
    wrong = np.zeros(shape, dtype=getattr(fine, name).dtype)

    with pytest.raises(DataError, match=f"{name!r} must be .*shape"):
        replace(fine, **{name: wrong})


@pytest.mark.parametrize("name", ["users", "items"])
@pytest.mark.parametrize("index", [-1, 4])
def test_an_index_out_of_range_is_refused_by_name(name, index) -> None:
    fine = tiny_ratings(16)
    wrong = getattr(fine, name).copy()
    wrong[3] = index

    with pytest.raises(DataError, match=rf"{name!r} has .* must be in \[0, 4\)"):
        replace(fine, **{name: wrong})


@pytest.mark.parametrize("side", ["user", "item"])
def test_ids_and_features_need_one_row_each(side) -> None:
    fine = tiny_ratings(16)

    with pytest.raises(DataError, match=f"{side} column 'ids' has 3 rows for 4"):
        replace(fine, **{f"{side}_ids": np.array(["a", "b", "c"])})
    with pytest.raises(DataError, match=f"{side} column 'age' has 5 rows for 4"):
        replace(fine, **{f"{side}_features": {"age": np.arange(5)}})


def test_a_column_cannot_be_replaced_in_place() -> None:
    fine = tiny_ratings(6)

    with pytest.raises(FrozenInstanceError):
        fine.values = np.ones(6, dtype=np.float32)


@given(whole=ratings(min_size=1), data=st.data())
def test_taking_keeps_the_columns_of_each_rating_together(whole, data) -> None:
    places = st.lists(st.integers(0, len(whole) - 1), max_size=30)
    positions = np.array(data.draw(places), dtype=np.int64)

    taken = whole.take(positions)

    assert taken.rows.tolist() == positions.tolist()
    for name in ("users", "items", "values", "timestamps"):
        expected = getattr(whole, name)[positions]
        assert getattr(taken, name).tolist() == expected.tolist()
    assert (taken.n_users, taken.n_items) == (whole.n_users, whole.n_items)


def test_taking_does_not_invent_missing_columns() -> None:
    bare = replace(tiny_ratings(6), timestamps=None, rows=None)

    taken = bare.take(np.array([2]))

    assert (taken.timestamps, taken.rows) == (None, None)


@given(whole=ratings(), shuffled=st.randoms(use_true_random=False))
def test_grouping_by_user_puts_every_rating_into_its_row(whole, shuffled) -> None:
    order = list(range(len(whole)))
    shuffled.shuffle(order)
    mixed = whole.take(np.array(order, dtype=np.int64))

    rows = mixed.by_user()

    expected = sorted(zip(mixed.users, mixed.items, mixed.values, strict=True))
    users = np.repeat(np.arange(mixed.n_users), rows.counts)
    assert list(zip(users, rows.indices, rows.values, strict=True)) == expected
    assert mixed.users[rows.positions].tolist() == users.tolist()
    assert mixed.items[rows.positions].tolist() == rows.indices.tolist()
    assert rows.n_columns == mixed.n_items


@given(whole=ratings())
def test_grouping_by_item_is_grouping_the_transpose_by_user(whole) -> None:
    transpose = replace(
        whole,
        users=whole.items,
        items=whole.users,
        n_users=whole.n_items,
        n_items=whole.n_users,
    )

    by_item, by_user = whole.by_item(), transpose.by_user()

    for name in ("offsets", "indices", "values", "positions"):
        assert getattr(by_item, name).tolist() == getattr(by_user, name).tolist()
    assert by_item.n_columns == by_user.n_columns


def test_grouping_keeps_users_and_items_without_ratings() -> None:
    sparse = replace(tiny_ratings(4), n_users=3, user_ids=None)

    assert sparse.by_user().counts.tolist() == [4, 0, 0]
    assert sparse.by_user().offsets.tolist() == [0, 4, 4, 4]


def test_a_frame_shows_the_ids_of_the_source() -> None:
    frame = tiny_ratings(5).to_frame()

    assert frame.to_dict("list") == {
        "user": ["ann0", "ann0", "ann0", "ann0", "ann1"],
        "item": ["toy0", "toy1", "toy2", "toy3", "toy0"],
        "rating": [0, 1, 2, 3, 4],
        "timestamp": [100, 100, 101, 101, 102],
    }


def test_a_frame_shows_indexes_if_there_are_no_ids() -> None:
    bare = replace(tiny_ratings(5), user_ids=None, item_ids=None, timestamps=None)

    assert bare.to_frame().to_dict("list") == {
        "user": [0, 0, 0, 0, 1],
        "item": [0, 1, 2, 3, 0],
        "rating": [0, 1, 2, 3, 4],
    }


def test_density_is_the_share_of_rated_pairs() -> None:
    assert tiny_ratings(6).density == 6 / 8
    assert tiny_ratings(0).density == 0.0


def test_ratings_are_printed_as_their_sizes() -> None:
    assert repr(tiny_ratings(6)) == "<Ratings: 6 by 2 users of 4 items on 0–4>"

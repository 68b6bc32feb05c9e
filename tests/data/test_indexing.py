"""Canonical order: the same ratings in any file order become the same `Ratings`."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.data.identity import data_id
from benchbox.data.indexing import align, canonical_order, found_scale, index_ratings
from benchbox.data.raw import IdColumn, RawFeatures, RawRatings
from benchbox.errors import DataError
from benchbox.ratings import RatingScale

FIVE = RatingScale(1, 5, 1)

Row = tuple[str, str, float, int]


def raw_of(rows: list[Row]) -> RawRatings:
    users, items, values, timestamps = zip(*rows, strict=True)
    return RawRatings(
        users=IdColumn.of(users),
        items=IdColumn.of(items),
        values=np.array(values, dtype=float),
        timestamps=np.array(timestamps, dtype=np.int64),
    )


def rows_of(raw: RawRatings, duplicates="error") -> list[Row]:
    frame = index_ratings(raw, FIVE, duplicates).ratings.to_frame()
    return [
        tuple(row) for row in frame.astype({"rating": float}).itertuples(index=False)
    ]


ids = st.text("ab0127é", min_size=1, max_size=3)
tables = st.lists(
    st.tuples(ids, ids, st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0]), st.integers(0, 99)),
    min_size=1,
    max_size=40,
    unique_by=lambda row: row[:2],
)


@given(rows=tables, random=st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_enter(rows, random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)

    one = index_ratings(raw_of(rows), FIVE).ratings
    other = index_ratings(raw_of(shuffled), FIVE).ratings

    assert data_id(one) == data_id(other)


@given(rows=tables)
def test_no_rating_is_lost_or_changed(rows) -> None:
    assert sorted(rows_of(raw_of(rows))) == sorted(rows)


@given(rows=tables)
def test_rows_rise_by_user_then_item(rows) -> None:
    ratings = index_ratings(raw_of(rows), FIVE).ratings

    pairs = list(zip(ratings.users.tolist(), ratings.items.tolist(), strict=True))

    assert pairs == sorted(pairs)


@given(rows=tables)
def test_rows_and_positions_are_each_others_inverse(rows) -> None:
    indexed = index_ratings(raw_of(rows), FIVE)

    assert (indexed.positions[indexed.ratings.rows] == np.arange(len(rows))).all()
    values = np.array([row[2] for row in rows], dtype=np.float32)
    assert (indexed.ratings.values == values[indexed.ratings.rows]).all()


@given(numbers=st.lists(st.integers(-(10**20), 10**20), unique=True))
def test_plain_integers_sort_as_numbers_of_any_size(numbers) -> None:
    names = [str(number) for number in numbers]

    ordered = [int(names[place]) for place in canonical_order(names)]

    assert ordered == sorted(numbers)


@given(names=st.lists(st.text(max_size=4), unique=True))
def test_other_names_sort_by_their_utf8_bytes(names) -> None:
    names = [*(n for n in names if n != "x"), "x"]

    ordered = [names[place] for place in canonical_order(names)]

    assert ordered == sorted(names, key=lambda name: name.encode())


@pytest.mark.parametrize("strange", ["007", "+3", "-0", " 3", "3.0", "", "٣"])
def test_one_id_that_is_no_plain_integer_makes_all_sort_as_text(strange) -> None:
    names = ["10", "9", strange]

    ordered = [names[place] for place in canonical_order(names)]

    assert ordered == sorted(names)


def test_leading_zeros_tell_ids_apart() -> None:
    rows = [("1", "a", 1.0, 0), ("01", "a", 2.0, 0)]

    assert index_ratings(raw_of(rows), FIVE).ratings.n_users == 2


def test_names_that_no_rating_uses_get_no_index() -> None:
    raw = raw_of([("1", "a", 1.0, 0)])
    users = IdColumn(codes=np.array([1], dtype=np.int32), names=["9", "1"])

    ratings = index_ratings(replace(raw, users=users), FIVE).ratings

    assert ratings.user_ids.tolist() == ["1"]


@given(left=st.lists(ids), right=st.lists(ids))
def test_columns_below_each_other_spell_all(left, right) -> None:
    columns = [IdColumn.of(np.array(ids, dtype=str)) for ids in (left, right)]
    both = IdColumn.stacked(columns)

    assert [both.names[code] for code in both.codes] == left + right
    assert len(set(both.names)) == len(both.names)


TWICE: list[Row] = [
    ("1", "a", 2.0, 50),
    ("2", "a", 5.0, 1),
    ("1", "a", 4.0, 20),
    ("1", "b", 1.0, 3),
]


def test_a_pair_rated_twice_is_refused_with_both_rows_and_a_way_out() -> None:
    with pytest.raises(DataError, match=r"'1' .* 'a' twice: row 1 and row 3.*=last"):
        rows_of(raw_of(TWICE))


def test_last_keeps_the_latest_by_time() -> None:
    assert ("1", "a", 2.0, 50) in rows_of(raw_of(TWICE), "last")
    assert len(rows_of(raw_of(TWICE), "last")) == 3


def test_without_time_last_keeps_the_lowest_row_of_the_file() -> None:
    raw = replace(raw_of(TWICE), timestamps=None)

    assert ("1", "a", 4.0) in rows_of(raw, "last")


def test_mean_averages_and_keeps_the_latest_time() -> None:
    assert ("1", "a", 3.0, 50) in rows_of(raw_of(TWICE), "mean")


def test_a_dropped_row_has_no_position() -> None:
    indexed = index_ratings(raw_of(TWICE), FIVE, "last")

    assert indexed.positions.tolist() == [0, 2, -1, 1]


def test_mean_is_refused_where_it_would_mix_hidden_with_training_ratings() -> None:
    raw = replace(raw_of(TWICE), folds={"test": np.array([2])})

    with pytest.raises(DataError, match="would mix hidden with training"):
        rows_of(raw, "mean")


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("12"),
            st.sampled_from("ab"),
            st.sampled_from([1.0, 3.0, 5.0]),
            st.integers(0, 5),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_last_agrees_with_a_plain_loop(rows) -> None:
    latest: dict[tuple[str, str], Row] = {}
    for row in rows:
        if row[:2] not in latest or row[3] >= latest[row[:2]][3]:
            latest[row[:2]] = row

    assert rows_of(raw_of(rows), "last") == [latest[pair] for pair in sorted(latest)]


@pytest.mark.parametrize("value", [0.0, 5.5, -1.0, np.nan, np.inf])
def test_a_rating_off_the_scale_is_named(value) -> None:
    raw = raw_of([("1", "a", 3.0, 0), ("2", "a", value, 0)])

    with pytest.raises(DataError, match=rf"row 2: the rating {value:g} is off .*1–5"):
        index_ratings(raw, FIVE)


def test_a_rating_between_the_steps_is_named() -> None:
    raw = raw_of([("1", "a", 3.5, 0)])

    with pytest.raises(DataError, match=r"3\.5 is between the steps of 1 from 1"):
        index_ratings(raw, FIVE)


def test_zero_and_negative_ratings_are_ratings() -> None:
    raw = raw_of([("1", "a", 0.0, 0), ("2", "a", -10.0, 0)])

    ratings = index_ratings(raw, RatingScale(-10, 10)).ratings

    assert ratings.values.tolist() == [0.0, -10.0]


def test_without_a_stated_scale_the_range_found_is_the_scale() -> None:
    raw = raw_of([("1", "a", 2.0, 0), ("2", "a", 4.5, 0)])

    assert found_scale(raw, "x") == RatingScale(2, 4.5)


def test_equal_ratings_show_no_scale() -> None:
    with pytest.raises(DataError, match=r"All ratings in x\.csv are 3.*scale=1-5"):
        found_scale(raw_of([("1", "a", 3.0, 0)]), "x.csv")


def test_features_come_in_the_order_of_the_index() -> None:
    features = RawFeatures(
        ids=["9", "1", "5"],
        columns={"age": np.array([90, 10, 50]), "name": np.array(["i", "a", "e"])},
    )

    aligned = align(features, ["1", "9"], "user")

    assert aligned["age"].tolist() == [10, 90]
    assert aligned["name"].tolist() == ["a", "i"]


def test_an_id_without_features_gets_an_empty_text_and_nan() -> None:
    features = RawFeatures(
        ids=["1"], columns={"age": np.array([10]), "name": np.array(["a"])}
    )

    aligned = align(features, ["1", "2"], "user")

    assert aligned["name"].tolist() == ["a", ""]
    assert aligned["age"][0] == 10
    assert np.isnan(aligned["age"][1])


def test_two_feature_rows_for_one_id_are_refused() -> None:
    features = RawFeatures(ids=["1", "1"], columns={})

    with pytest.raises(DataError, match="two rows for user '1'"):
        align(features, ["1"], "user")


@given(seed=st.integers(0, 99), n=st.integers(1, 300))
def test_a_large_shuffled_table_is_sorted_as_numpy_sorts_it(seed, n) -> None:
    random = np.random.default_rng(seed)
    pairs = random.permutation(400)[:n]
    raw = RawRatings(
        users=IdColumn.of(pairs // 20 + 5),
        items=IdColumn.of(pairs % 20 + 95),
        values=random.integers(1, 6, n).astype(float),
    )

    ratings = index_ratings(raw, FIVE).ratings

    assert ratings.rows.tolist() == np.argsort(pairs, kind="stable").tolist()
    assert ratings.item_ids.astype(int).tolist() == sorted(set(pairs % 20 + 95))

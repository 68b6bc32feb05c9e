"""Slices: what is left is what was asked for, in the order of the steps."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.data.cards import DatasetCard
from benchbox.data.dataset import load_dataset
from benchbox.data.identity import data_id
from benchbox.data.raw import IdColumn, RawRatings
from benchbox.data.subsets import SliceOptions, cut, keep_rows, only_slices
from benchbox.errors import DataError, UsageError
from benchbox.options import NoOptions, Options, decode
from benchbox.ratings import RatingScale
from tests.support.in_parts import in_parts
from tests.support.source_kinds import kind_of

Pair = tuple[str, str]

ids = st.integers(-1, 12).map(str)
pairs = st.lists(st.tuples(ids, ids), min_size=1, max_size=60)
distinct_pairs = pairs.map(lambda found: list(dict.fromkeys(found)))


def ratings(found: list[Pair], **more: object) -> RawRatings:
    """Each pair rated with the number of its row, one second after the other."""
    rows = np.arange(len(found))
    return RawRatings(
        users=IdColumn.of([user for user, _ in found]),
        items=IdColumn.of([item for _, item in found]),
        values=rows.astype(np.float64),
        timestamps=rows.astype(np.int64),
        **more,
    )


def left(raw: RawRatings) -> list[Pair]:
    users, items = raw.users, raw.items
    return [
        (users.names[u], items.names[i])
        for u, i in zip(users.codes, items.codes, strict=True)
    ]


def sliced(found: list[Pair], duplicates: str = "error", **steps: int) -> list[Pair]:
    """Return the pairs that stay, or none where the slice is refused as empty."""
    try:
        return left(cut(ratings(found), SliceOptions(**steps), duplicates))
    except DataError as error:
        if "leaves no rating" not in str(error):
            raise
        return []


GRID = [("1", "1"), ("1", "2"), ("1", "3"), ("2", "1"), ("2", "2"), ("3", "1")]


def test_without_a_step_the_ratings_are_not_copied() -> None:
    raw = ratings(GRID)

    assert cut(raw, SliceOptions()) is raw


@given(found=distinct_pairs, data=st.data())
def test_the_most_active_users_are_at_least_as_active_as_all_others(found, data):
    activity = Counter(user for user, _ in found)
    n = data.draw(st.integers(1, len(activity)))

    kept = {user for user, _ in sliced(found, top_users=n)}

    assert len(kept) == n
    others = [activity[user] for user in activity if user not in kept]
    assert min(activity[user] for user in kept) >= max(others, default=0)


@given(found=distinct_pairs, order=st.randoms())
def test_equally_active_users_are_chosen_by_id_whatever_the_order(found, order):
    found = [(user, "0") for user, _ in found]
    found = list(dict.fromkeys(found))
    shuffled = order.sample(found, len(found))
    first = sorted({int(user) for user, _ in found})[0]

    assert sliced(shuffled, top_users=1) == [(str(first), "0")]


def test_equally_active_users_with_names_are_chosen_by_their_bytes() -> None:
    assert sliced([("b", "x"), ("a", "x"), ("Z", "x")], top_users=2) == [
        ("a", "x"),
        ("Z", "x"),
    ]


def test_more_users_than_there_are_is_an_error() -> None:
    with pytest.raises(DataError, match="top_users=4 asks for more users than the 3"):
        cut(ratings(GRID), SliceOptions(top_users=4))


@given(found=distinct_pairs, user=st.integers(-2, 13), item=st.integers(-2, 13))
def test_ids_below_a_bound_stay(found, user, item) -> None:
    kept = sliced(found, users_below=user, items_below=item)

    assert kept == [(u, i) for u, i in found if int(u) < user and int(i) < item]


@pytest.mark.parametrize("name", ["ann", "1.5", "", "1e3", "²"])
def test_an_id_that_is_no_whole_number_is_named(name) -> None:
    with pytest.raises(DataError, match=f"items_below=9 needs .*item ids.*{name!r}"):
        cut(ratings([("1", "2"), ("1", name)]), SliceOptions(items_below=9))


def test_ids_that_nobody_uses_are_not_looked_at() -> None:
    raw = keep_rows(ratings([("ann", "1"), ("7", "1")]), np.array([False, True]))

    assert left(cut(raw, SliceOptions(users_below=9))) == [("7", "1")]
    with pytest.raises(DataError, match="than the 1 there are"):
        cut(raw, SliceOptions(top_users=2))


def core_by_hand(found: list[Pair], user: int, item: int) -> list[Pair]:
    while True:
        users, items = (Counter(side) for side in zip(*found, strict=True))
        kept = [p for p in found if users[p[0]] >= user and items[p[1]] >= item]
        if len(kept) in (0, len(found)):
            return kept
        found = kept


@given(found=distinct_pairs, user=st.integers(1, 5), item=st.integers(1, 5))
def test_the_core_is_what_repeated_cutting_leaves(found, user, item) -> None:
    kept = sliced(found, min_user_ratings=user, min_item_ratings=item)

    assert kept == core_by_hand(found, user, item)


@given(found=pairs, least=st.integers(1, 4), most=st.integers(1, 3))
def test_many_ratings_are_cut_as_few_are(found, least, most) -> None:
    steps = {"min_user_ratings": least, "min_item_ratings": 2, "users_below": 9}

    expected = sliced(found, "last", **steps)
    with in_parts(part=most):
        assert sliced(found, "last", **steps) == expected


@given(found=distinct_pairs, least=st.integers(1, 5))
def test_one_side_alone_is_cut_once(found, least) -> None:
    activity = Counter(user for user, _ in found)

    kept = sliced(found, min_user_ratings=least)

    assert kept == [(u, i) for u, i in found if activity[u] >= least]


def test_cutting_can_take_many_rounds() -> None:
    # A path: each end that falls leaves another behind.
    path = [(str(n // 2), str((n + 1) // 2)) for n in range(41)]
    square = [("90", "90"), ("90", "91"), ("91", "90"), ("91", "91")]

    kept = sliced(path + square, min_user_ratings=2, min_item_ratings=2)

    assert kept == square


def test_steps_are_taken_in_the_documented_order() -> None:
    # The most active user is chosen among all, and then has too high an id.
    found = [*GRID, ("9", "1"), ("9", "2"), ("9", "3"), ("9", "4")]

    assert sliced(found, top_users=2, users_below=9) == GRID[:3]
    assert sliced(found, top_users=1, users_below=9) == []
    # User 2's second item falls, so that one rating of hers is too few.
    assert sliced(GRID, items_below=2, min_user_ratings=2) == []
    assert list(SliceOptions.__struct_fields__) == [
        "top_users",
        "users_below",
        "items_below",
        "min_user_ratings",
        "min_item_ratings",
    ]


def test_a_slice_of_nothing_says_what_was_asked_for() -> None:
    with pytest.raises(DataError, match="slice top_users=1, min_item_ratings=2 leaves"):
        cut(ratings(GRID), SliceOptions(top_users=1, min_item_ratings=2))


@given(found=pairs, user=st.integers(1, 4), item=st.integers(1, 4))
def test_a_pair_rated_twice_counts_once(found, user, item) -> None:
    steps = {"min_user_ratings": user, "min_item_ratings": item}

    kept = sliced(found, "last", **steps)

    assert set(kept) == set(sliced(list(dict.fromkeys(found)), **steps))
    assert kept == [pair for pair in found if pair in set(kept)]


@given(found=distinct_pairs, bound=st.integers(0, 13), data=st.data())
def test_rows_keep_all_that_belongs_to_them(found, bound, data) -> None:
    rows = st.lists(st.sampled_from(range(len(found))), unique=True)
    hidden = np.array(data.draw(rows), dtype=np.int64)
    stay = [row for row, (user, _) in enumerate(found) if int(user) < bound]
    if not stay:
        return

    raw = cut(ratings(found, folds={"u1": hidden}), SliceOptions(users_below=bound))

    assert raw.values.tolist() == stay
    assert raw.timestamps.tolist() == stay
    assert [raw.where(place) for place in range(len(stay))] == [
        f"row {row + 1}" for row in stay
    ]
    assert [stay[place] for place in raw.folds["u1"]] == [
        row for row in hidden if row in stay
    ]


@pytest.mark.parametrize(
    "steps", [{"top_users": "0"}, {"min_user_ratings": "-1"}, {"users_below": "x"}]
)
def test_a_step_that_makes_no_sense_is_a_usage_error(steps) -> None:
    with pytest.raises(UsageError, match=r"^Data set 'x' cannot take "):
        decode(SliceOptions, steps, "Data set 'x'")


class MoreOptions(SliceOptions, frozen=True):
    english: bool = False


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (NoOptions(), True),
        (SliceOptions(), True),
        (MoreOptions(top_users=3), True),
        (MoreOptions(english=True), False),
        (MoreOptions(english=True, top_users=3), False),
    ],
)
def test_a_slice_is_told_from_other_options(options: Options, expected: bool) -> None:
    assert only_slices(options) is expected


def read_grid(files, card, options) -> RawRatings:
    """Every one of 20 users rates each of 15 items; 'first' hides users 0 and 1."""
    users, items = np.divmod(np.arange(300), 15)
    return RawRatings(
        users=IdColumn.of(users),
        items=IdColumn.of(items),
        values=1.0 + (users + items) % 5,
        folds={"first": np.arange(30)},
    )


def load(settings: dict[str, str], **changes):
    card = DatasetCard(
        name="grid",
        title="Grid",
        summary="all pairs",
        scale=RatingScale(1, 5, 1),
        reader=f"{__name__}:read_grid",
        options=f"{__name__}:MoreOptions",
        **changes,
    )
    return load_dataset(card, settings, kind_of=kind_of, notify=pytest.fail)


def test_a_card_that_names_the_options_can_be_sliced() -> None:
    dataset = load({"users_below": "4", "items_below": "5"}, n_users=20, n_ratings=300)

    assert (dataset.ratings.n_users, dataset.ratings.n_items) == (4, 5)
    assert not dataset.as_published
    assert data_id(dataset.ratings) != data_id(load({}).ratings)


def test_shipped_folds_hide_what_is_left_of_them() -> None:
    dataset = load({"users_below": "4", "items_below": "5"})
    hidden = dataset.folds["first"]

    assert set(dataset.ratings.users[hidden]) == {0, 1}
    assert len(hidden) == len(dataset.ratings) - len(hidden) == 10


@pytest.mark.parametrize("settings", [{}, {"top_users": "3"}])
def test_a_wrong_file_shows_in_the_whole_even_where_a_slice_is_asked_for(
    settings,
) -> None:
    with pytest.raises(DataError, match="has 20 users, but its card says 21"):
        load(settings, n_users=21)


def test_other_options_may_change_the_counts() -> None:
    assert len(load({"english": "true", "top_users": "3"}, n_users=21).ratings) == 45


def test_without_a_stated_scale_a_slice_has_that_of_the_whole(tmp_path) -> None:
    from benchbox.data.own_files import card_for_files

    (tmp_path / "r.csv").write_text("1,1,1\n1,2,2\n2,1,5\n")

    dataset = load_dataset(
        card_for_files(str(tmp_path / "r.csv")),
        {"top_users": "1"},
        kind_of=kind_of,
        notify=pytest.fail,
    )

    assert dataset.ratings.scale == RatingScale(1, 5)
    assert dataset.ratings.values.tolist() == [1, 2]

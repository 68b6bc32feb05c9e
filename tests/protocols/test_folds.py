"""Folds: the parts of each protocol, refusals, ids that never change, validation."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from benchbox.data.identity import data_id, remember_data_id
from benchbox.errors import ProtocolError
from benchbox.options import Options
from benchbox.protocols.bundled import PROTOCOLS
from benchbox.protocols.cold_start import NewUsersOptions, split_new_users
from benchbox.protocols.folds import Fold, carve_validation, make_folds
from benchbox.protocols.partition import Partition
from benchbox.protocols.random_splits import (
    HoldoutOptions,
    HoldoutUserOptions,
    KFoldOptions,
    split_holdout,
    split_kfold,
)
from benchbox.protocols.temporal import (
    TemporalOptions,
    TemporalUserOptions,
    split_temporal,
)
from benchbox.ratings import Ratings
from benchbox.seeding import permutation
from tests.support.toys import ratings, seeds, tiny_ratings

BY_NAME = {protocol.name: protocol for protocol in PROTOCOLS}

fractions = st.floats(0.05, 0.95)


def folds(
    data: Ratings,
    name: str,
    options: Options | None = None,
    shipped: Mapping[str, Partition] | None = None,
) -> list[Fold]:
    protocol = BY_NAME[name]
    if shipped and name == "official":
        # Any partition at all, as a third-party protocol may yield it.
        yields = shipped.values()
        protocol = replace(protocol, split=lambda ratings, own, options: iter(yields))
    return make_folds(data, protocol, options or protocol.options(), {})


def only(data: Ratings, name: str, options: Options | None = None) -> Fold:
    (fold,) = folds(data, name, options)
    return fold


def shipped(data: Ratings) -> dict[str, Partition]:
    """Return a partition that hides every third rating."""
    places = np.arange(len(data))
    visible = places[places % 3 > 0]
    hidden = places[places % 3 == 0]
    return {"u1": Partition(name="u1", train=visible, history=visible, hidden=hidden)}


def everything(part: Partition) -> list[int]:
    return sorted([*part.train, *part.hidden])


def a_fold_of_each_protocol(data: Ratings) -> dict[str, Fold]:
    # Users of four ratings have no tenth to hide.
    own = {
        "holdout-user": HoldoutUserOptions(count=1),
        "temporal-user": TemporalUserOptions(last=1),
    }
    return {
        name: folds(
            data, name, own.get(name), shipped(data) if name == "official" else {}
        )[0]
        for name in BY_NAME
    }


# What each protocol promises about its parts.


@given(data=ratings(min_size=2), n_folds=st.integers(2, 8), seed=seeds)
def test_kfold_hides_every_rating_exactly_once(data, n_folds, seed) -> None:
    parts = list(split_kfold(data, {}, KFoldOptions(n_folds=n_folds, seed=seed)))

    assert [part.name for part in parts] == [f"k{k}" for k in range(1, n_folds + 1)]
    assert sorted(np.concatenate([part.hidden for part in parts])) == [
        *range(len(data))
    ]


@given(data=ratings(min_size=2), n_folds=st.integers(2, 8), seed=seeds)
def test_kfold_makes_folds_of_equal_size(data, n_folds, seed) -> None:
    parts = split_kfold(data, {}, KFoldOptions(n_folds=n_folds, seed=seed))

    sizes = [len(part.hidden) for part in parts]
    assert max(sizes) - min(sizes) <= 1


@given(data=ratings(min_size=2), fraction=fractions, seed=seeds)
def test_a_warm_protocol_shows_or_hides_each_rating_but_never_both(
    data, fraction, seed
) -> None:
    parts = [
        *split_holdout(data, {}, HoldoutOptions(fraction=fraction, seed=seed)),
        *split_kfold(data, {}, KFoldOptions(seed=seed)),
        *split_temporal(data, {}, TemporalOptions(quantile=(fraction,))),
    ]

    for part in parts:
        assert everything(part) == [*range(len(data))]
        assert part.is_warm
        assert part.history.tolist() == part.train.tolist()
        assert (np.diff(part.train) > 0).all()
        assert (np.diff(part.hidden) > 0).all()


@given(data=ratings(min_size=2), fraction=fractions, seed=seeds)
def test_holdout_hides_the_share_asked_for(data, fraction, seed) -> None:
    options = HoldoutOptions(fraction=fraction, seed=seed)

    (part,) = split_holdout(data, {}, options)

    assert len(part.hidden) == round(len(data) * fraction)


@given(data=ratings(min_size=2), quantile=fractions)
def test_temporal_shows_nothing_later_than_what_it_hides(data, quantile) -> None:
    (part,) = split_temporal(data, {}, TemporalOptions(quantile=(quantile,)))

    assume(len(part.hidden))
    seconds = data.timestamps
    assert seconds[part.train].max() < seconds[part.hidden].min()


@given(data=ratings(min_size=2), quantile=fractions)
def test_temporal_cuts_at_the_interpolated_quantile(data, quantile) -> None:
    (part,) = split_temporal(data, {}, TemporalOptions(quantile=(quantile,)))

    # If the cut falls on a rating, rounding may put it slightly to either side.
    ordered = sorted(data.timestamps.tolist())
    place = quantile * (len(ordered) - 1)
    assume(abs(place - round(place)) > 1e-6)
    below, above = ordered[int(place)], ordered[int(place) + 1]
    moment = below + (above - below) * (place - int(place))
    later = [k for k, second in enumerate(data.timestamps) if second > moment]
    assert part.hidden.tolist() == later


def test_temporal_keeps_ratings_in_the_second_of_the_cut_visible() -> None:
    data = replace(tiny_ratings(6), timestamps=np.array([5, 9, 7, 7, 7, 8]))

    part = only(data, "temporal", TemporalOptions(quantile=(0.5,))).partition

    assert part.train.tolist() == [0, 2, 3, 4]
    assert part.hidden.tolist() == [1, 5]


@given(data=ratings(min_size=2), fraction=fractions, fold_in=fractions, seed=seeds)
def test_new_users_have_no_training_ratings(data, fraction, fold_in, seed) -> None:
    options = NewUsersOptions(fraction=fraction, fold_in=fold_in, seed=seed)

    (part,) = split_new_users(data, {}, options)

    new = set(data.users[part.history])
    of_new = [k for k, user in enumerate(data.users) if user in new]
    others = [k for k, user in enumerate(data.users) if user not in new]
    assert sorted([*part.history, *part.hidden]) == of_new
    assert part.train.tolist() == others


@given(data=ratings(min_size=2), fold_in=fractions, seed=seeds)
def test_each_new_user_shows_about_the_share_asked_for_and_at_least_one(
    data, fold_in, seed
) -> None:
    options = NewUsersOptions(fraction=0.5, fold_in=fold_in, seed=seed)

    (part,) = split_new_users(data, {}, options)

    shown = np.bincount(data.users[part.history], minlength=data.n_users)
    hidden = np.bincount(data.users[part.hidden], minlength=data.n_users)
    total = shown + hidden
    assert (shown[total > 0] >= 1).all()
    assert (abs(shown - total * fold_in) <= np.where(shown == 1, 1, 0.5)).all()


@given(data=ratings(min_size=2), fraction=fractions, seed=seeds)
def test_the_share_of_new_users_is_of_users_who_have_ratings(
    data, fraction, seed
) -> None:
    options = NewUsersOptions(fraction=fraction, seed=seed)

    (part,) = split_new_users(data, {}, options)

    n_active = len(set(data.users))
    assert len(set(data.users[part.history])) == max(1, round(n_active * fraction))


def test_official_yields_the_folds_that_were_shipped() -> None:
    data = tiny_ratings(9)

    official = BY_NAME["official"]
    hidden = {"u1": np.array([0, 3, 6])}

    (fold,) = make_folds(data, official, official.options(), hidden)

    assert fold.name == "u1"
    assert fold.hidden.rows.tolist() == data.rows[[0, 3, 6]].tolist()


def test_only_new_users_asks_for_inductive_models() -> None:
    assert [p.name for p in PROTOCOLS if p.new_users] == ["new-users"]


# Refusals.


def test_official_needs_shipped_folds_and_names_an_alternative() -> None:
    with pytest.raises(ProtocolError, match=r"has none\. Try -p kfold or -p holdout"):
        folds(tiny_ratings(9), "official")


def test_temporal_needs_timestamps_and_names_an_alternative() -> None:
    with pytest.raises(ProtocolError, match=r"needs timestamps.*Try -p holdout"):
        folds(replace(tiny_ratings(9), timestamps=None), "temporal")


@pytest.mark.parametrize(
    ("name", "options", "empty"),
    [
        ("holdout", HoldoutOptions(fraction=0.1), "hidden part of fold 'holdout'"),
        ("holdout", HoldoutOptions(fraction=0.9), "train part of fold 'holdout'"),
        ("kfold", KFoldOptions(n_folds=7), "hidden part of fold 'k"),
        ("temporal", TemporalOptions(quantile=(0.9,)), "hidden part of fold 'later'"),
        ("new-users", NewUsersOptions(), "train part of fold 'new-users'"),
    ],
)
def test_a_fold_with_an_empty_part_is_refused_by_name(name, options, empty) -> None:
    # Four ratings by one user in one second.
    data = replace(tiny_ratings(4), timestamps=np.full(4, 100))

    with pytest.raises(ProtocolError, match=f"{empty}.*4 ratings are too few"):
        folds(data, name, options)


@pytest.mark.parametrize("places", [[-1, 3], [5, 9]])
def test_positions_out_of_range_are_refused(places) -> None:
    part = replace(shipped(tiny_ratings(9))["u1"], hidden=np.array(places))

    with pytest.raises(ProtocolError, match="fold 'u1', but there are only 9 ratings"):
        folds(tiny_ratings(9), "official", shipped={"u1": part})


def test_new_users_who_hide_nothing_are_refused() -> None:
    data = tiny_ratings(6, n_items=1)

    with pytest.raises(ProtocolError, match="hidden part of fold 'new-users'"):
        folds(data, "new-users")


# A fold's id identifies its content.


@given(data=ratings(min_size=6), seed=seeds)
def test_equal_content_has_an_equal_id(data, seed) -> None:
    copy = data.take(np.arange(len(data)))
    renumbered = replace(copy, rows=copy.rows[::-1].copy())

    one, other = (
        [fold.id for fold in folds(d, "kfold", KFoldOptions(n_folds=2, seed=seed))]
        for d in (data, renumbered)
    )

    assert one == other


@given(data=ratings(min_size=6), place=st.integers(0, 5))
def test_a_changed_value_or_timestamp_changes_the_id(data, place) -> None:
    ids = {only(data, "holdout").id}
    for name in ("values", "timestamps"):
        column = getattr(data, name).copy()
        column[place] += 1
        ids.add(only(replace(data, **{name: column}), "holdout").id)
    ids.add(only(replace(data, timestamps=None), "holdout").id)

    assert len(ids) == 4


@pytest.mark.parametrize("side", ["user", "item"])
def test_a_changed_raw_id_changes_the_id(side) -> None:
    data = tiny_ratings(16)
    names = getattr(data, f"{side}_ids").copy()
    names[2] = "eve"

    renamed = replace(data, **{f"{side}_ids": names})

    assert data_id(renamed) != data_id(data)
    assert only(renamed, "holdout").id != only(data, "holdout").id


def test_a_rating_moved_to_another_user_or_item_changes_the_id() -> None:
    data = tiny_ratings(12)
    moved_user, moved_item = data.users.copy(), data.items.copy()
    moved_user[0], moved_item[0] = 1, 1

    ids = {
        data_id(data),
        data_id(replace(data, users=moved_user)),
        data_id(replace(data, items=moved_item)),
    }

    assert len(ids) == 3


def test_a_rating_in_another_role_changes_the_id() -> None:
    data = tiny_ratings(9)
    part = shipped(data)["u1"]
    less_shown = replace(part, history=part.history[1:])
    less_fitted = replace(part, train=part.train[1:])
    less_hidden = replace(part, hidden=part.hidden[1:])

    ids = {
        folds(data, "official", shipped={"u1": p})[0].id
        for p in (part, less_shown, less_fitted, less_hidden)
    }

    assert len(ids) == 4


def test_another_fold_name_or_protocol_changes_the_id() -> None:
    data = tiny_ratings(9)
    part = shipped(data)["u1"]
    fold = folds(data, "official", shipped={"u1": part})[0]

    ids = {
        fold.id,
        replace(fold, partition=replace(part, name="u2")).id,
        replace(fold, protocol=BY_NAME["holdout"]).id,
    }

    assert len(ids) == 3


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("holdout", HoldoutOptions(fraction=0.5), HoldoutOptions(fraction=0.500001)),
        ("holdout", HoldoutOptions(seed=0), HoldoutOptions(seed=1)),
        ("kfold", KFoldOptions(seed=0), KFoldOptions(seed=1)),
        (
            "temporal",
            TemporalOptions(quantile=(0.5,)),
            TemporalOptions(quantile=(0.51,)),
        ),
        ("new-users", NewUsersOptions(fold_in=0.5), NewUsersOptions(fold_in=0.501)),
    ],
)
def test_another_option_changes_the_id_even_if_no_rating_moves(
    name, one, other
) -> None:
    data = tiny_ratings(24)

    assert folds(data, name, one)[0].id != folds(data, name, other)[0].id


def test_the_folds_of_one_recipe_have_ids_of_their_own() -> None:
    assert len({fold.id for fold in folds(tiny_ratings(24), "kfold")}) == 5


@given(data=ratings(min_size=6), seed=seeds)
def test_a_seed_always_draws_the_same_folds(data, seed) -> None:
    for name, options in (
        ("holdout", HoldoutOptions(fraction=0.5, seed=seed)),
        ("kfold", KFoldOptions(n_folds=2, seed=seed)),
    ):
        once, again = (
            [fold.partition.hidden.tolist() for fold in folds(data, name, options)]
            for _ in range(2)
        )
        assert once == again


# An upgrade of NumPy must not change a split or an id.


def test_data_ids_are_pinned() -> None:
    assert data_id(tiny_ratings(12)) == "b60475fee010d10f975460781370da29"


@pytest.mark.parametrize(
    ("name", "hidden", "identity"),
    [
        ("official", [0, 3, 6, 9], "1f900463a4cdfffe0598528aaeb41c29"),
        ("holdout", [11], "04004d24d144fb29ab4ba3bd835c9c6c"),
        ("kfold", [6, 9], "252b9d4230be0ba98e3b48d40e0c91f5"),
        ("temporal", [10, 11], "d64dff3b2b523821cb3c0afc258fa758"),
        ("new-users", [9], "eec23683bc7ef1744ca3c3e8b97a7ffe"),
    ],
)
def test_splits_and_their_ids_are_pinned(name, hidden, identity) -> None:
    data = tiny_ratings(12)
    first = folds(data, name, shipped=shipped(data))[0]

    assert first.partition.hidden.tolist() == hidden
    assert first.id == identity


# Validation ratings come from the training ratings, by the protocol's own rule.


@pytest.mark.parametrize("name", BY_NAME)
@given(seed=seeds)
def test_validation_comes_from_training_ratings_alone(name, seed) -> None:
    fold = a_fold_of_each_protocol(tiny_ratings(100))[name]

    visible = carve_validation(fold, seed)

    parts = (visible.train, visible.validation, visible.validation_history)
    train, validation, history = (set(part.rows.tolist()) for part in parts)
    assert train
    assert validation
    assert not validation & train
    assert not validation & history
    assert train | validation | history == set(fold.train.rows.tolist())


@pytest.mark.parametrize("name", ["official", "holdout", "kfold"])
def test_a_tenth_is_carved_at_random_where_the_test_is_random(name) -> None:
    fold = a_fold_of_each_protocol(tiny_ratings(100))[name]

    one, other = (carve_validation(fold, seed).validation.rows for seed in (1, 2))

    assert len(one) == len(other) == round(len(fold.train) / 10)
    assert one.tolist() != other.tolist()


def test_the_latest_training_ratings_validate_a_temporal_test() -> None:
    fold = only(tiny_ratings(100), "temporal")

    visible = carve_validation(fold, seed=0)

    # 90 ratings are visible, two per second. A tenth of them is nine, but the one in
    # the second of the cut stays in training.
    assert fold.hidden.rows.tolist() == list(range(9, -1, -1))
    assert visible.validation.rows.tolist() == list(range(17, 9, -1))
    assert visible.train.timestamps.max() < visible.validation.timestamps.min()


def test_validation_for_new_users_holds_out_users_too() -> None:
    fold = only(tiny_ratings(100), "new-users")

    visible = carve_validation(fold, seed=0)

    new = set(visible.validation.users)
    assert new == set(visible.validation_history.users)
    assert not new & set(visible.train.users)
    assert not new & set(fold.hidden.users)
    # 25 users with four ratings each: two are test users, two are for validation.
    assert len(new) == 2


@pytest.mark.parametrize(
    "name",
    [
        "official",
        "holdout",
        "kfold",
        "holdout-user",
        "leave-one-out",
        "temporal",
        "temporal-user",
        "new-users",
        "new-items",
    ],
)
def test_too_few_ratings_for_validation_are_refused_by_name(name) -> None:
    # A fold with a single training rating.
    fold = a_fold_of_each_protocol(tiny_ratings(100))[name]
    first = fold.partition.train[:1]
    part = Partition(
        name=fold.name, train=first, history=first, hidden=fold.partition.hidden
    )
    fold = replace(fold, partition=part)

    with pytest.raises(ProtocolError, match=f"{fold.name!r} has only 1 training"):
        carve_validation(fold, seed=0)


def test_a_fold_holds_the_ratings_of_its_partition() -> None:
    fold = only(tiny_ratings(100), "new-users")

    for part in ("train", "history", "hidden"):
        expected = fold.ratings.take(getattr(fold.partition, part))
        assert getattr(fold, part).rows.tolist() == expected.rows.tolist()


def test_a_warm_fold_has_its_training_ratings_as_history() -> None:
    fold = only(tiny_ratings(24), "holdout")

    assert fold.history is fold.train


def test_folds_of_one_protocol_hold_copies_of_one_fold_at_a_time() -> None:
    first, second = folds(tiny_ratings(100), "kfold")[:2]
    train = first.train

    assert first.train is train
    assert first.history is train
    second.hidden  # noqa: B018
    assert first.train is not train
    assert first.train.rows.tolist() == train.rows.tolist()


@given(data=ratings(min_size=10), n_folds=st.integers(2, 7), seed=seeds)
def test_kfold_cuts_a_permutation_into_folds(data, n_folds, seed) -> None:
    order = permutation(len(data), seed, "kfold")
    edges = np.linspace(0, len(order), n_folds + 1).round().astype(int)

    parts = list(split_kfold(data, {}, KFoldOptions(n_folds=n_folds, seed=seed)))

    for part, start, stop in zip(parts, edges[:-1], edges[1:], strict=True):
        assert part.hidden.tolist() == sorted(order[start:stop])
        assert part.train.tolist() == sorted({*order.tolist()} - {*part.hidden})
        assert part.train.dtype == part.hidden.dtype == np.int64


def test_a_known_data_id_is_not_computed_again() -> None:
    data = tiny_ratings(9)
    remember_data_id(data, "known")

    assert data_id(data) == "known"
    assert data_id(replace(data)) != "known"

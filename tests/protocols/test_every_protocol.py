"""Rules that every protocol keeps, whatever the ratings and options."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.data.indexing import index_ratings
from benchbox.data.raw import IdColumn, RawRatings
from benchbox.errors import ProtocolError
from benchbox.protocols.audit import audit_fold, redraw_hidden
from benchbox.protocols.bundled import PROTOCOLS
from benchbox.protocols.cold_start import NewItemsOptions, NewUsersOptions
from benchbox.protocols.flawed import FLAWED
from benchbox.protocols.folds import Fold, carve_validation, make_folds
from benchbox.protocols.partition import Protocol
from benchbox.protocols.random_splits import (
    HoldoutOptions,
    HoldoutUserOptions,
    KFoldOptions,
    LeaveOneOutOptions,
)
from benchbox.protocols.temporal import TemporalOptions, TemporalUserOptions
from benchbox.ratings import Positions, Ratings
from benchbox.testing.made_up import made_up_ratings
from tests.support.in_parts import in_parts
from tests.support.memory import peak_bytes
from tests.support.toys import JESTER, ratings, seeds

BY_NAME = {protocol.name: protocol for protocol in PROTOCOLS}

shares = st.floats(0.05, 0.95)
counts = st.integers(1, 5)

OPTIONS = {
    "official": st.just(BY_NAME["official"].options()),
    "holdout": st.builds(HoldoutOptions, fraction=shares, seed=seeds),
    "kfold": st.builds(
        KFoldOptions, n_folds=st.integers(2, 6), seed=seeds, repeats=st.integers(1, 3)
    ),
    "holdout-user": st.one_of(
        st.builds(HoldoutUserOptions, fraction=shares, seed=seeds),
        st.builds(HoldoutUserOptions, count=counts, seed=seeds),
    ),
    "leave-one-out": st.builds(LeaveOneOutOptions, seed=seeds),
    "temporal": st.one_of(
        st.builds(TemporalOptions, quantile=st.tuples(shares)),
        st.just(TemporalOptions(quantile=(0.4, 0.8))),
        st.just(TemporalOptions(date="1970-01-01T00:00:05+1970-01-01T00:00:11")),
    ),
    "temporal-user": st.one_of(
        st.builds(TemporalUserOptions, fraction=shares),
        st.builds(TemporalUserOptions, last=counts),
    ),
    "new-users": st.one_of(
        st.builds(NewUsersOptions, fraction=shares, fold_in=shares, seed=seeds),
        st.builds(NewUsersOptions, fraction=shares, given=counts, seed=seeds),
        st.builds(NewUsersOptions, fraction=shares, hidden=counts, seed=seeds),
    ),
    "new-items": st.builds(NewItemsOptions, fraction=shares, seed=seeds),
}

recipes = st.sampled_from(PROTOCOLS).flatmap(
    lambda protocol: st.tuples(st.just(protocol), OPTIONS[protocol.name])
)


def split(data: Ratings, recipe) -> list[Fold]:
    """Return the folds, or none if the protocol refuses to make any."""
    protocol, options = recipe
    shipped = {"u1": np.arange(0, len(data), 3)}
    try:
        return make_folds(data, protocol, options, shipped)
    except ProtocolError:
        return []


def rows(seen: Ratings) -> set[int]:
    return set(seen.rows.tolist())


def content(fold: Fold) -> list[list[int]]:
    return [getattr(fold.partition, p).tolist() for p in ("train", "history", "hidden")]


def reread(data: Ratings, order: np.ndarray) -> Ratings:
    """Return the ratings as read from a file that holds them in *order*."""
    raw = RawRatings(
        users=IdColumn.of(data.users[order]),
        items=IdColumn.of(data.items[order]),
        values=data.values[order],
        timestamps=data.timestamps[order],
    )
    return index_ratings(raw, data.scale, "error").ratings


@given(data=ratings(), recipe=recipes)
def test_no_hidden_rating_is_visible_in_its_fold(data, recipe) -> None:
    for fold in split(data, recipe):
        hidden = rows(fold.hidden)
        assert hidden
        assert rows(fold.train)
        assert not hidden & rows(fold.train)
        assert not hidden & rows(fold.history)


@given(data=ratings(), recipe=recipes)
def test_every_rating_is_hidden_as_often_as_promised(data, recipe) -> None:
    protocol, options = recipe
    folds = split(data, recipe)
    if not folds:
        return

    times = np.zeros(len(data), dtype=int)
    for fold in folds:
        times[fold.partition.hidden] += 1

    if protocol.name == "kfold":
        assert set(times) == {options.repeats}
    else:
        assert set(times) <= {0, 1}


@given(data=ratings(), recipe=recipes)
def test_a_recipe_gives_the_same_folds_every_time(data, recipe) -> None:
    one, other = split(data, recipe), split(data, recipe)

    assert [fold.id for fold in one] == [fold.id for fold in other]
    assert list(map(content, one)) == list(map(content, other))


@given(data=ratings(), recipe=recipes)
def test_many_ratings_are_split_as_few_are(data, recipe) -> None:
    expected = split(data, recipe)

    with in_parts():
        found = split(data, recipe)
        ids = [fold.id for fold in found]

    assert ids == [fold.id for fold in expected]
    assert list(map(content, found)) == list(map(content, expected))


@pytest.mark.parametrize("protocol", [*PROTOCOLS, *FLAWED], ids=lambda p: p.name)
def test_memory_does_not_grow_with_the_ratings(protocol, monkeypatch) -> None:
    monkeypatch.setattr("benchbox.protocols.audit.dataset._N_SAMPLED", 5000)
    few, many = (made_up_ratings(1250, n, density=0.2) for n in (200, 800))

    def needed(data: Ratings) -> int:
        shipped = {"u1": np.arange(0, len(data), 3)}
        return peak_bytes(lambda: divide(data, shipped))

    def divide(data: Ratings, shipped: dict[str, Positions]) -> None:
        for fold in make_folds(data, protocol, protocol.options(), shipped)[:2]:
            carve_validation(fold, 1)
            audit_fold(fold)
            redraw_hidden(fold, 1)

    with in_parts(at_once=5000, part=5000, most_bytes=40_000):
        more = needed(many) - needed(few)

    # The users or the items alone of so many more ratings would need twice as much.
    assert more < 2 * (len(many) - len(few))


@given(data=ratings(), recipe=recipes, seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_file_does_not_matter(data, recipe, seed) -> None:
    order = np.random.default_rng(seed).permutation(len(data))
    if not len(data):
        return
    one, other = (reread(data, places) for places in (np.arange(len(data)), order))

    first, second = split(one, recipe), split(other, recipe)

    assert [fold.id for fold in first] == [fold.id for fold in second]
    assert list(map(content, first)) == list(map(content, second))


@given(data=ratings(), recipe=recipes, factor=st.sampled_from([0.0, -1.0, 0.5]))
def test_splits_ignore_rating_values_and_zero_is_a_rating(data, recipe, factor) -> None:
    changed = replace(data, values=data.values * np.float32(factor))

    one, other = split(data, recipe), split(changed, recipe)

    assert list(map(content, one)) == list(map(content, other))


@given(data=ratings(), recipe=recipes)
def test_times_are_as_the_protocol_promises(data, recipe) -> None:
    protocol, _ = recipe
    for fold in split(data, recipe):
        seconds, hidden = data.timestamps, fold.partition.hidden
        if protocol.time_order == "overall":
            assert seconds[fold.partition.train].max() < seconds[hidden].min()
        if protocol.time_order == "by user":
            for user in set(data.users[hidden]):
                seen = seconds[np.intersect1d(_of(data, user), fold.partition.history)]
                asked = seconds[np.intersect1d(_of(data, user), hidden)]
                assert seen.max() <= asked.min()


def _of(data: Ratings, user: int) -> np.ndarray:
    return np.flatnonzero(data.users == user)


@given(data=ratings(min_size=10), recipe=recipes, seed=seeds)
def test_validation_follows_the_rule_of_the_test_within_train(
    data, recipe, seed
) -> None:
    protocol, _ = recipe
    for fold in split(data, recipe):
        try:
            seen = carve_validation(fold, seed)
        except ProtocolError:
            continue
        train, validation = rows(seen.train), rows(seen.validation)
        history = rows(seen.validation_history)
        assert train
        assert validation
        assert not validation & (train | history)
        assert train | validation | history == rows(fold.train)
        _check_rule(protocol, seen.train, seen.validation_history, seen.validation)


def _check_rule(
    protocol: Protocol, train: Ratings, history: Ratings, validation: Ratings
) -> None:
    if protocol.name == "temporal":
        assert train.timestamps.max() < validation.timestamps.min()
    if protocol.name in ("temporal-user", "holdout-user", "leave-one-out"):
        assert set(validation.users) <= set(train.users)
    if protocol.name == "new-users":
        assert not set(validation.users) & set(train.users)
        assert set(validation.users) <= set(history.users)
    if protocol.name == "new-items":
        assert not set(validation.items) & set(train.items)


def small_data() -> Iterator[Ratings]:
    """Ratings of one user, of one item, one rating, two, and none."""
    for n_users, n_items in ((1, 12), (12, 1), (1, 1), (1, 2), (2, 1), (0, 0)):
        n = n_users * n_items
        number = np.arange(n)
        yield Ratings(
            users=(number // max(n_items, 1)).astype(np.int32),
            items=(number % max(n_items, 1)).astype(np.int32),
            values=np.zeros(n, dtype=np.float32),
            timestamps=number.astype(np.int64),
            rows=number.astype(np.int64),
            n_users=n_users,
            n_items=n_items,
            scale=JESTER,
        )


@given(recipe=recipes)
def test_few_ratings_are_refused_or_split_as_promised(recipe) -> None:
    for data in small_data():
        for fold in split(data, recipe):
            assert rows(fold.train)
            assert rows(fold.hidden)
            assert not rows(fold.hidden) & (rows(fold.train) | rows(fold.history))


def test_each_protocol_says_what_happens_to_cold_pairs() -> None:
    policies = {p.name: p.cold_policy for p in PROTOCOLS + FLAWED}

    assert all("scored" in policy for policy in policies.values())
    assert len(set(policies.values())) == 4

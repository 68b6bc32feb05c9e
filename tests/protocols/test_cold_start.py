"""Cold-start splits: users and items without training ratings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.errors import ProtocolError, UsageError
from benchbox.options import decode
from benchbox.protocols.cold_start import (
    NewItemsOptions,
    NewUsersOptions,
    carve_new_users,
    split_new_items,
    split_new_users,
)
from tests.support.toys import ratings, seeds, tiny_ratings

halves = st.floats(0.1, 0.9)


@given(data=ratings(min_size=2), fraction=halves, given=st.integers(1, 4), seed=seeds)
def test_each_new_user_shows_as_many_ratings_as_given(
    data, fraction, given, seed
) -> None:
    options = NewUsersOptions(fraction=fraction, given=given, seed=seed)

    (part,) = split_new_users(data, {}, options)

    shown = np.bincount(data.users[part.history], minlength=data.n_users)
    hidden = np.bincount(data.users[part.hidden], minlength=data.n_users)
    total = shown + hidden
    assert shown.tolist() == np.minimum(total, given).tolist()


@given(data=ratings(min_size=12), wanted=st.integers(1, 40), seed=seeds)
def test_exactly_as_many_ratings_are_hidden_as_asked_for(data, wanted, seed) -> None:
    options = NewUsersOptions(fraction=0.5, hidden=wanted, seed=seed)
    (by_share,) = split_new_users(data, {}, NewUsersOptions(fraction=0.5, seed=seed))
    of_new = set(by_share.history) | set(by_share.hidden)
    n_free = len(of_new) - len(set(data.users[by_share.history]))

    if wanted > n_free:
        with pytest.raises(ProtocolError, match=f"have only {n_free} besides the one"):
            next(split_new_users(data, {}, options))
        return
    (part,) = split_new_users(data, {}, options)

    assert len(part.hidden) == wanted
    assert set(part.history) | set(part.hidden) == of_new
    assert set(data.users[part.hidden]) <= set(data.users[part.history])


def test_an_exact_number_of_hidden_ratings_is_drawn_from_all_new_users() -> None:
    data = tiny_ratings(4000)

    drawn = [
        next(split_new_users(data, {}, NewUsersOptions(hidden=100, seed=seed))).hidden
        for seed in (0, 0, 1)
    ]

    assert drawn[0].tolist() == drawn[1].tolist() != drawn[2].tolist()
    # A hundred of three hundred ratings: some users hide none, some hide several.
    assert 40 < len(set(data.users[drawn[0]])) < 100


@given(wanted=st.integers(1, 60), seed=seeds)
def test_validation_hides_as_many_as_the_test_if_it_can(wanted, seed) -> None:
    train = tiny_ratings(200)

    part = carve_new_users(train, NewUsersOptions(hidden=wanted), seed)

    # Five new users with three ratings each besides the one they show.
    assert len(part.hidden) == min(wanted, 15)


def test_only_one_option_may_say_how_much_new_users_show() -> None:
    settings = {"given": "3", "hidden": "100"}

    with pytest.raises(UsageError, match="one of fold_in, given and hidden"):
        decode(NewUsersOptions, settings, "new-users")


@given(data=ratings(min_size=2), fraction=halves, seed=seeds)
def test_all_ratings_of_new_items_are_hidden(data, fraction, seed) -> None:
    options = NewItemsOptions(fraction=fraction, seed=seed)

    (part,) = split_new_items(data, {}, options)

    n_active = len(set(data.items))
    assert len(set(data.items[part.hidden])) == max(1, round(n_active * fraction))
    assert not set(data.items[part.hidden]) & set(data.items[part.train])
    assert sorted([*part.train, *part.hidden]) == [*range(len(data))]
    assert part.is_warm

"""Temporal splits: hidden ratings are later, for all users or for each."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.errors import ProtocolError, UsageError
from benchbox.options import changed, decode, in_force, spell, split_choice
from benchbox.protocols.bundled import PROTOCOLS
from benchbox.protocols.folds import make_folds
from benchbox.protocols.temporal import (
    TemporalOptions,
    TemporalUserOptions,
    carve_latest_by_user,
    split_temporal,
    split_temporal_user,
)
from benchbox.ratings import Ratings, RatingScale
from tests.support.toys import ratings, tiny_ratings

BY_NAME = {protocol.name: protocol for protocol in PROTOCOLS}

shares = st.lists(st.floats(0.05, 0.95), min_size=2, max_size=4, unique=True)


def chosen(text: str):
    name, settings = split_choice(text)
    return decode(BY_NAME[name].options, settings, name)


@given(data=ratings(min_size=4), quantiles=shares)
def test_each_of_several_cuts_hides_the_ratings_up_to_the_next(data, quantiles) -> None:
    options = TemporalOptions(quantile=tuple(sorted(quantiles)))

    parts = list(split_temporal(data, {}, options))

    assert [part.name for part in parts] == [
        f"t{k}" for k in range(1, len(quantiles) + 1)
    ]
    first_train = set(parts[0].train.tolist())
    hidden = np.concatenate([part.hidden for part in parts]).tolist()
    assert len(set(hidden)) == len(hidden)
    assert set(hidden) | first_train == set(range(len(data)))
    for before, part in pairwise(parts):
        assert set(part.train) == set(before.train) | set(before.hidden)


def test_a_date_is_the_first_second_that_is_hidden() -> None:
    midnight = 883612800  # 1998-01-01
    data = replace(
        tiny_ratings(4), timestamps=midnight + np.array([-86400, -1, 0, 86400])
    )

    (part,) = split_temporal(data, {}, TemporalOptions(date="1998-01-01"))
    (late,) = split_temporal(data, {}, TemporalOptions(date="1998-01-01T00:00:01"))
    (zone,) = split_temporal(data, {}, TemporalOptions(date="1998-01-01T00:00Z"))

    assert part.hidden.tolist() == zone.hidden.tolist() == [2, 3]
    assert late.hidden.tolist() == [3]


def test_several_dates_make_several_folds() -> None:
    day = 86400
    data = replace(tiny_ratings(4), timestamps=np.arange(4) * day)

    options = TemporalOptions(date="1970-01-02 + 1970-01-04")
    folds = make_folds(data, BY_NAME["temporal"], options, {})

    assert [fold.hidden.timestamps.tolist() for fold in folds] == [
        [day, 2 * day],
        [3 * day],
    ]
    assert [len(fold.train) for fold in folds] == [1, 3]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("temporal:quantile=0.9-0.8", "several that increase"),
        ("temporal:quantile=[]", "one share"),
        ("temporal:quantile=1.5", "quantile"),
        ("temporal:quantile=0.8,date=1998-01-01", "not both"),
        ("temporal:date=1998-13-01", "month"),
        ("temporal:date=1998-02-01+1998-01-01", "must increase"),
        ("temporal-user:last=0", "last"),
        ("temporal-user:last=2,fraction=0.2", "not both"),
    ],
)
def test_options_that_make_no_sense_are_refused(text, complaint) -> None:
    with pytest.raises(UsageError, match=complaint):
        chosen(text)


@pytest.mark.parametrize(
    "text",
    [
        "temporal:quantile=0.8-0.9",
        "temporal:date=1998-01-01+1998-02-01",
        "temporal-user:last=3",
    ],
)
def test_options_are_spelt_as_they_are_given(text) -> None:
    assert spell(split_choice(text)[0], changed(chosen(text))) == text


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("temporal", {"quantile": (0.9,)}),
        ("temporal:date=1998-01-01", {"date": "1998-01-01"}),
        ("temporal-user", {"fraction": 0.1}),
        ("temporal-user:last=3", {"last": 3}),
        ("new-users:hidden=9", {"fraction": 0.1, "seed": 0, "hidden": 9}),
        ("new-users", {"fraction": 0.1, "fold_in": 0.8, "seed": 0}),
    ],
)
def test_only_the_options_that_take_effect_are_in_force(text, counts) -> None:
    options = chosen(text)

    assert in_force(options) == counts
    assert decode(type(options), in_force(options), text) == options


@given(data=ratings(min_size=2), last=st.integers(1, 4))
def test_the_last_ratings_of_each_user_are_hidden_if_others_stay(data, last) -> None:
    (part,) = split_temporal_user(data, {}, TemporalUserOptions(last=last))

    for user in range(data.n_users):
        places = np.flatnonzero(data.users == user)
        hidden = [k for k in part.hidden if data.users[k] == user]
        assert len(hidden) == (last if len(places) > last else 0)
        seconds = [(data.timestamps[k], data.items[k]) for k in places]
        latest = sorted(seconds)[len(places) - len(hidden) :]
        assert sorted((data.timestamps[k], data.items[k]) for k in hidden) == latest


@given(data=ratings(min_size=2), fraction=st.floats(0.05, 0.95))
def test_a_share_of_each_user_s_ratings_is_hidden_but_never_all(data, fraction) -> None:
    (part,) = split_temporal_user(data, {}, TemporalUserOptions(fraction=fraction))

    counts = np.bincount(data.users, minlength=data.n_users)
    hidden = np.bincount(data.users[part.hidden], minlength=data.n_users)
    assert (hidden == np.minimum(np.round(counts * fraction), counts - 1))[
        counts > 0
    ].all()
    assert (hidden[counts > 0] < counts[counts > 0]).all()


def test_validation_under_temporal_user_is_each_user_s_latest_too() -> None:
    data = tiny_ratings(40, n_items=10)
    options = TemporalUserOptions(last=2)
    (part,) = split_temporal_user(data, {}, options)

    carved = carve_latest_by_user(data.take(part.train), options, 0)

    # Ten items per user: 8 and 9 are hidden, and 6 and 7 are for validation.
    assert set(data.items[part.hidden]) == {8, 9}
    assert set(data.take(part.train).items[carved.hidden]) == {6, 7}


def test_every_temporal_protocol_needs_timestamps() -> None:
    data = replace(tiny_ratings(40), timestamps=None)

    for protocol in PROTOCOLS:
        if protocol.time_order:
            with pytest.raises(ProtocolError, match="needs timestamps"):
                make_folds(data, protocol, protocol.options(), {})


@pytest.mark.parametrize(
    ("date", "same"),
    [
        ("2001-10-01T12:00+09:00", "2001-10-01T03:00:00"),
        ("2001-10-01T12:00+0900", "2001-10-01T03:00:00"),
        ("2001-10-01T12:00-03:00+2001-11-02", "2001-10-01T15:00+2001-11-02T00:00"),
        ("2001-10-01T12:00+09:00+20011102", "2001-10-01T03:00+2001-11-02"),
        (
            "2001-10-01T12:00+09:00+2001-11-01T12:00+09:00",
            "2001-10-01T03:00+2001-11-01T03:00",
        ),
    ],
)
def test_dates_may_have_a_zone(date, same) -> None:
    first = int(datetime(2001, 9, 1, tzinfo=UTC).timestamp())
    stamps = first + 3600 * np.arange(24 * 90)
    n = len(stamps)
    data = Ratings(
        users=np.arange(n, dtype=np.int32),
        items=np.zeros(n, dtype=np.int32),
        values=np.ones(n, dtype=np.float32),
        timestamps=stamps,
        rows=np.arange(n),
        n_users=n,
        n_items=1,
        scale=RatingScale(1, 5),
    )

    one, other = (
        [p.hidden.tolist() for p in split_temporal(data, {}, TemporalOptions(date=d))]
        for d in (date, same)
    )

    assert one == other

"""`holdout-user` and `leave-one-out`: random ratings of each user are hidden."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbox.protocols.random_splits import (
    HoldoutUserOptions,
    LeaveOneOutOptions,
    split_holdout_user,
    split_leave_one_out,
)
from benchbox.ratings import Ratings, RatingScale
from tests.support.toys import ratings, seeds

shares = st.floats(0.05, 0.95)


def n_hidden(data: Ratings, options: HoldoutUserOptions) -> np.ndarray:
    (part,) = split_holdout_user(data, {}, options)
    return np.bincount(data.users[part.hidden], minlength=data.n_users)


@given(data=ratings(min_size=2), fraction=shares, seed=seeds)
def test_the_share_is_hidden_of_every_user_who_keeps_a_rating(
    data, fraction, seed
) -> None:
    counts = np.bincount(data.users, minlength=data.n_users)

    found = n_hidden(data, HoldoutUserOptions(fraction=fraction, seed=seed))

    wanted = np.minimum(np.round(counts * fraction), np.maximum(counts - 1, 0))
    assert found.tolist() == wanted.tolist()


@given(data=ratings(min_size=2), count=st.integers(1, 5), seed=seeds)
def test_a_number_is_hidden_of_every_user_who_has_more(data, count, seed) -> None:
    counts = np.bincount(data.users, minlength=data.n_users)

    found = n_hidden(data, HoldoutUserOptions(count=count, seed=seed))

    assert found.tolist() == np.where(counts > count, count, 0).tolist()


@given(data=ratings(min_size=2), seed=seeds)
def test_leave_one_out_hides_one_rating_of_each_user_who_has_several(
    data, seed
) -> None:
    counts = np.bincount(data.users, minlength=data.n_users)

    (part,) = split_leave_one_out(data, {}, LeaveOneOutOptions(seed=seed))

    found = np.bincount(data.users[part.hidden], minlength=data.n_users)
    assert found.tolist() == (counts > 1).astype(int).tolist()


def test_each_rating_of_a_user_is_as_likely_to_be_left_out() -> None:
    n = 4_000
    data = Ratings(
        users=np.repeat(np.arange(n, dtype=np.int32), 4),
        items=np.tile(np.arange(4, dtype=np.int32), n),
        values=np.ones(4 * n, dtype=np.float32),
        timestamps=None,
        rows=np.arange(4 * n),
        n_users=n,
        n_items=4,
        scale=RatingScale(1, 5),
    )

    (part,) = split_leave_one_out(data, {}, LeaveOneOutOptions())

    per_item = np.bincount(data.items[part.hidden], minlength=4)
    # Five standard deviations of a binomial count.
    assert abs(per_item - n / 4).max() < 5 * (n * 3 / 16) ** 0.5


def test_fraction_and_count_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="fraction or count"):
        HoldoutUserOptions(fraction=0.2, count=3)

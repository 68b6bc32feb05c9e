"""Newcomers: whole users, or whole items, that training has never seen."""

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.errors import ProtocolError
from benchbox.options import Options
from benchbox.protocols.partition import (
    VALIDATION_FRACTION,
    Count,
    Fraction,
    Partition,
    Seed,
    hiding,
)
from benchbox.ratings import IndexArray, Positions, Ratings
from benchbox.seeding import permutation


class NewUsersOptions(Options, frozen=True):
    """Options of ``new-users``.

    Attributes:
        fraction: Share of the users to keep out of training.
        fold_in: Share of a new user's ratings that is shown when predicting.
        seed: Draws the users, and the ratings shown.
        given: Instead of a share: how many ratings of each new user are shown; who has
            no more hides none.
        hidden: Instead of either: how many ratings are hidden in all, drawn among
            those of all new users; of each one rating at least is shown.
    """

    fraction: Fraction = 0.1
    fold_in: Fraction = 0.8
    seed: Seed = 0
    given: Count | None = None
    hidden: Count | None = None

    def __post_init__(self) -> None:
        rules = (self.fold_in != 0.8, self.given is not None, self.hidden is not None)
        if sum(rules) > 1:
            raise ValueError("give one of fold_in, given and hidden")

    @property
    def set_aside(self) -> frozenset[str]:
        """The share, where there is a number."""
        return frozenset({"fold_in"} if self.given or self.hidden else ())


def split_new_users(
    ratings: Ratings, shipped: Mapping[str, Partition], options: NewUsersOptions
) -> Iterator[Partition]:
    """Yield one fold whose test users were never trained on (strong generalisation).

    Of each new user, ``fold_in`` of the ratings, drawn at random, rounded and at least
    one, are the history; the others are hidden. Who has too few ratings hides none.
    """
    is_new = _flag_new(ratings.users, ratings.n_users, options.fraction, options.seed)
    theirs = _shuffled(np.flatnonzero(is_new[ratings.users]), options.seed + 1)
    # Sorted stably: each user's ratings stand together in random order.
    by_user = np.argsort(ratings.users[theirs], kind="stable")
    owners = ratings.users[theirs[by_user]]
    counts = np.bincount(owners, minlength=ratings.n_users)
    starts = np.cumsum(counts) - counts
    place = np.empty(len(theirs), dtype=np.int64)
    place[by_user] = np.arange(len(theirs)) - starts[owners]
    if options.hidden is not None:
        is_shown = _all_but(options.hidden, place)
    elif options.given is not None:
        is_shown = place < options.given
    else:
        n_shown = np.maximum(1, np.round(counts * options.fold_in))
        is_shown = place < n_shown[ratings.users[theirs]]
    yield Partition(
        name="new-users",
        train=np.flatnonzero(~is_new[ratings.users]),
        history=np.sort(theirs[is_shown]),
        hidden=np.sort(theirs[~is_shown]),
    )


class NewItemsOptions(Options, frozen=True):
    """Options of ``new-items``.

    Attributes:
        fraction: Share of the items to keep out of training.
        seed: Draws the items.
    """

    fraction: Fraction = 0.1
    seed: Seed = 0


def split_new_items(
    ratings: Ratings, shipped: Mapping[str, Partition], options: NewItemsOptions
) -> Iterator[Partition]:
    """Yield one fold that hides every rating of some items.

    Nobody's rating of a new item is visible: a model has its features, if there are
    any, and what it knows of the user.
    """
    is_new = _flag_new(ratings.items, ratings.n_items, options.fraction, options.seed)
    yield hiding("new-items", np.flatnonzero(is_new[ratings.items]), len(ratings))


def flag_new_users(
    ratings: Ratings, fraction: float, seed: int | None
) -> NDArray[np.bool_]:
    """Return who is kept out of training, flags of shape ``(n_users,)``.

    Args:
        ratings: Whose users; those without a rating are none.
        fraction: Share of the users to keep out; at least one is.
        seed: Draws them; `None` takes the last by id.
    """
    return _flag_new(ratings.users, ratings.n_users, fraction, seed)


def carve_new_users(train: Ratings, options: NewUsersOptions, seed: int) -> Partition:
    """Set part of the ratings of a tenth of the users aside.

    Where the test hides an exact count, so does this, if there are as many.
    """
    rule = msgspec.structs.replace(options, fraction=VALIDATION_FRACTION, seed=seed)
    if options.hidden is not None:
        is_new = flag_new_users(train, rule.fraction, seed)
        n_free = np.count_nonzero(is_new[train.users]) - np.count_nonzero(is_new)
        at_most = min(options.hidden, n_free) or None
        rule = msgspec.structs.replace(rule, hidden=at_most)
    return next(split_new_users(train, {}, rule))


def carve_new_items(train: Ratings, options: NewItemsOptions, seed: int) -> Partition:
    """Set all ratings of a tenth of the items aside."""
    rule = NewItemsOptions(fraction=VALIDATION_FRACTION, seed=seed)
    return next(split_new_items(train, {}, rule))


def _flag_new(
    index: IndexArray, size: int, fraction: float, seed: int | None
) -> NDArray[np.bool_]:
    active = np.flatnonzero(np.bincount(index, minlength=size))
    order = np.arange(len(active))[::-1]
    if seed is not None:
        order = permutation(len(active), seed)
    is_new = np.zeros(size, dtype=bool)
    is_new[active[order[: max(1, round(len(active) * fraction))]]] = True
    return is_new


def _shuffled(positions: Positions, seed: int) -> Positions:
    return positions[permutation(len(positions), seed)]


def _all_but(n_hidden: int, place: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which ratings are shown if *n_hidden* are not, nobody's first among them.

    Args:
        n_hidden: How many to hide.
        place: Place of each rating among its user's, in random order.
    """
    may_hide = np.flatnonzero(place > 0)
    if n_hidden > len(may_hide):
        raise ProtocolError(
            f"Protocol 'new-users' cannot hide {n_hidden:,} ratings: the new users "
            f"have {len(may_hide):,} besides one each. Ask for fewer, or for a larger "
            f"fraction of the users."
        )
    is_shown = np.ones(len(place), dtype=bool)
    is_shown[may_hide[:n_hidden]] = False
    return is_shown

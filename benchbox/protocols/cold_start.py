"""Cold-start splits: test users or items have no training ratings."""

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.arrays.grouping import tally
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
from benchbox.ratings import IndexArray, Ratings
from benchbox.seeding import permutation


class NewUsersOptions(Options, frozen=True):
    """Options of ``new-users``.

    Attributes:
        fraction: Share of users to hold out of training.
        fold_in: Share of a new user's ratings that is visible when predicting.
        seed: Seed that draws the new users and their visible ratings.
        given: Number of visible ratings per new user, instead of ``fold_in``. Users
            with no more ratings than that have none hidden.
        hidden: Number of hidden ratings in total, instead of ``fold_in`` and ``given``,
            drawn from all new users. Each new user keeps at least one visible rating.
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
        """``fold_in``, if ``given`` or ``hidden`` replaces it."""
        return frozenset({"fold_in"} if self.given or self.hidden else ())


def split_new_users(
    ratings: Ratings, shipped: Mapping[str, Partition], options: NewUsersOptions
) -> Iterator[Partition]:
    """Yield one fold whose test users have no training rating (strong generalisation).

    A random share ``fold_in`` of each new user's ratings, rounded but at least one, is
    the history; the rest is hidden. Users with too few ratings have none hidden.
    """
    is_new = flag_new_users(ratings, options.fraction, options.seed)
    of_new = np.flatnonzero(is_new[ratings.users])
    of_new = of_new[permutation(len(of_new), options.seed, "fold-in")]
    # A stable sort groups ratings by user and keeps each user's random order.
    by_user = np.argsort(ratings.users[of_new], kind="stable")
    owners = ratings.users[of_new[by_user]]
    counts = tally(owners, ratings.n_users)
    starts = np.cumsum(counts) - counts
    place = np.empty(len(of_new), dtype=np.int64)
    place[by_user] = np.arange(len(of_new)) - starts[owners]
    if options.hidden is not None:
        is_shown = _all_but(options.hidden, place)
    elif options.given is not None:
        is_shown = place < options.given
    else:
        n_shown = np.maximum(1, np.round(counts * options.fold_in))
        is_shown = place < n_shown[ratings.users[of_new]]
    yield Partition(
        name="new-users",
        train=np.flatnonzero(~is_new[ratings.users]),
        history=np.sort(of_new[is_shown]),
        hidden=np.sort(of_new[~is_shown]),
    )


class NewItemsOptions(Options, frozen=True):
    """Options of ``new-items``.

    Attributes:
        fraction: Share of items to hold out of training.
        seed: Seed that draws the new items.
    """

    fraction: Fraction = 0.1
    seed: Seed = 0


def split_new_items(
    ratings: Ratings, shipped: Mapping[str, Partition], options: NewItemsOptions
) -> Iterator[Partition]:
    """Yield one fold that hides all ratings of some items.

    A model can use only the features of a new item, if the data set has any, and what
    it knows about the user.
    """
    active = _active(ratings.items, ratings.n_items)
    order = permutation(len(active), options.seed, "new-items")
    is_new = _flagged(active[order], options.fraction, ratings.n_items)
    yield hiding("new-items", np.flatnonzero(is_new[ratings.items]), len(ratings))


def flag_new_users(
    ratings: Ratings, fraction: float, seed: int | None
) -> NDArray[np.bool_]:
    """Return whether each user is held out of training, shape ``(n_users,)``.

    Args:
        ratings: Ratings of the users; users without a rating are never held out.
        fraction: Share of users to hold out, rounded; at least one user is.
        seed: Seed that draws the users; `None` takes the last ones in order of index.
    """
    active = _active(ratings.users, ratings.n_users)
    if seed is None:
        order = np.arange(len(active))[::-1]
    else:
        order = permutation(len(active), seed, "new-users")
    return _flagged(active[order], fraction, ratings.n_users)


def carve_new_users(train: Ratings, options: NewUsersOptions, seed: int) -> Partition:
    """Set aside validation ratings from a tenth of the users.

    If the test hides an exact number of ratings, so does this, as far as there are
    enough.
    """
    rule = msgspec.structs.replace(options, fraction=VALIDATION_FRACTION, seed=seed)
    if options.hidden is not None:
        is_new = flag_new_users(train, rule.fraction, seed)
        n_free = np.count_nonzero(is_new[train.users]) - np.count_nonzero(is_new)
        at_most = min(options.hidden, n_free) or None
        rule = msgspec.structs.replace(rule, hidden=at_most)
    return next(split_new_users(train, {}, rule))


def carve_new_items(train: Ratings, options: NewItemsOptions, seed: int) -> Partition:
    """Set aside all ratings of a tenth of the items."""
    rule = NewItemsOptions(fraction=VALIDATION_FRACTION, seed=seed)
    return next(split_new_items(train, {}, rule))


def _active(index: IndexArray, size: int) -> NDArray[np.int64]:
    """Return the users or items that have a rating."""
    return np.flatnonzero(tally(index, size))


def _flagged(order: NDArray[np.int64], fraction: float, size: int) -> NDArray[np.bool_]:
    """Return flags of *size* users or items, set for the first share of *order*."""
    is_new = np.zeros(size, dtype=bool)
    is_new[order[: max(1, round(len(order) * fraction))]] = True
    return is_new


def _all_but(n_hidden: int, place: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which ratings stay visible when *n_hidden* are hidden.

    Each user's first rating stays visible.

    Args:
        n_hidden: Number of ratings to hide.
        place: Rank of each rating among its user's, in random order, from 0.

    Raises:
        ProtocolError: The new users have too few ratings.
    """
    may_hide = np.flatnonzero(place > 0)
    if n_hidden > len(may_hide):
        raise ProtocolError(
            f"Protocol 'new-users' cannot hide {n_hidden:,} ratings: the new users "
            f"have only {len(may_hide):,} besides the one that each must show. Lower "
            f"hidden or raise fraction."
        )
    is_shown = np.ones(len(place), dtype=bool)
    is_shown[may_hide[:n_hidden]] = False
    return is_shown

"""Cold-start splits: test users or items have no training ratings."""

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.grouping import tally
from benchbox.arrays.parallel import each, slices
from benchbox.arrays.positions import marked, order_within, positions_where
from benchbox.errors import ProtocolError
from benchbox.options import Options
from benchbox.protocols.partition import (
    VALIDATION_FRACTION,
    Count,
    Fraction,
    Partition,
    Seed,
    hiding_where,
)
from benchbox.ratings import IndexArray, Positions, Ratings
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
    n, users = len(ratings), ratings.users
    is_new = flag_new_users(ratings, options.fraction, options.seed)
    of_new = positions_where(n, lambda part: is_new[users[part]])
    order = permutation(len(of_new), options.seed, "fold-in")
    of_new = mapped.gathered(of_new, order)
    owners = mapped.gathered(users, of_new)
    place = _places(owners, ratings.n_users)
    n_shown = np.ones(ratings.n_users)
    if options.given is not None:
        n_shown[:] = options.given
    elif options.hidden is None:
        counts = tally(owners, ratings.n_users)
        n_shown = np.maximum(1, np.round(counts * options.fold_in))
    hidden = positions_where(
        len(of_new), lambda part: place[part] >= n_shown[owners[part]]
    )
    if options.hidden is not None:
        hidden = _first(options.hidden, hidden)
    is_hidden = mapped.zeros(n, np.bool_)
    is_hidden[mapped.gathered(of_new, hidden)] = True
    yield Partition(
        name="new-users",
        train=positions_where(n, lambda part: ~is_new[users[part]]),
        history=positions_where(n, lambda part: is_new[users[part]] & ~is_hidden[part]),
        hidden=marked(is_hidden),
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
    items = ratings.items
    yield hiding_where("new-items", len(items), lambda part: is_new[items[part]])


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
        counts = tally(train.users, train.n_users)
        n_free = int(counts[is_new].sum()) - np.count_nonzero(is_new)
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


def _places(owners: IndexArray, n_users: int) -> NDArray[np.int32]:
    """Return the rank of each rating among its user's, from 0, shape ``(n,)``."""
    counts = tally(owners, n_users)
    starts = np.cumsum(counts) - counts
    by_user = order_within(owners, n_users)
    places = mapped.empty(len(owners), np.int32)

    def rank(part: slice) -> None:
        ratings = by_user[part]
        places[ratings] = np.arange(part.start, part.stop) - starts[owners[ratings]]

    each(rank, slices(len(owners)))
    return places


def _first(n_hidden: int, hidden: Positions) -> Positions:
    """Return the first *n_hidden* of the ratings that may be hidden.

    Raises:
        ProtocolError: The new users have too few ratings.
    """
    if n_hidden > len(hidden):
        raise ProtocolError(
            f"Protocol 'new-users' cannot hide {n_hidden:,} ratings: the new users "
            f"have only {len(hidden):,} besides the one that each must show. Lower "
            f"hidden or raise fraction."
        )
    return hidden[:n_hidden]

"""Random splits of all ratings, or of each user's, and folds of the data set's own."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.grouping import tally
from benchbox.arrays.positions import order_within
from benchbox.errors import ProtocolError
from benchbox.options import NoOptions, Options
from benchbox.protocols.partition import (
    VALIDATION_FRACTION,
    Count,
    Fraction,
    KFoldPartition,
    Partition,
    Seed,
    hiding,
    hiding_by_user,
)
from benchbox.ratings import Ratings
from benchbox.seeding import permutation, raw_draws


def split_official(
    ratings: Ratings, shipped: Mapping[str, Partition], options: NoOptions
) -> Iterator[Partition]:
    """Yield every fold that comes with the data set; a run chooses some by name."""
    if not shipped:
        raise ProtocolError(
            "Protocol 'official' needs folds that come with the data set, and this "
            "data set has none. Try -p kfold or -p holdout."
        )
    yield from shipped.values()


class HoldoutOptions(Options, frozen=True):
    """Options of ``holdout``.

    Attributes:
        fraction: Share of all ratings to hide.
        seed: Seed that draws the hidden ratings.
    """

    fraction: Fraction = 0.1
    seed: Seed = 0


def split_holdout(
    ratings: Ratings, shipped: Mapping[str, Partition], options: HoldoutOptions
) -> Iterator[Partition]:
    """Yield one fold whose hidden ratings are drawn from all ratings at random.

    So a test user may have no training rating (cold start).
    """
    order = permutation(len(ratings), options.seed, "holdout")
    n_hidden = round(len(ratings) * options.fraction)
    yield hiding("holdout", order[:n_hidden], len(ratings))


class KFoldOptions(Options, frozen=True):
    """Options of ``kfold``.

    Attributes:
        n_folds: Number of folds.
        seed: Seed that assigns ratings to folds.
        repeats: Number of times to split all ratings; each repeat adds 1 to the seed.
    """

    n_folds: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 5
    seed: Seed = 0
    repeats: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1


def split_kfold(
    ratings: Ratings, shipped: Mapping[str, Partition], options: KFoldOptions
) -> Iterator[Partition]:
    """Yield folds that together hide every rating exactly once per repeat.

    Ratings are assigned at random, whatever their user and item, so a test user may
    have no training rating (cold start). Folds are named ``k1``, ``k2``, …, or
    ``r1-k1``, … if there are several repeats.
    """
    for repeat in range(options.repeats):
        fold_of = _assign_folds(len(ratings), options.n_folds, options.seed + repeat)
        prefix = f"r{repeat + 1}-" if options.repeats > 1 else ""
        for k in range(1, options.n_folds + 1):
            yield KFoldPartition(f"{prefix}k{k}", fold_of, k)


class HoldoutUserOptions(Options, frozen=True):
    """Options of ``holdout-user``.

    Attributes:
        fraction: Share of each user's ratings to hide, rounded. So users with few
            ratings have none hidden.
        count: Number of each user's ratings to hide, instead of ``fraction``. Users
            with no more ratings than that have none hidden.
        seed: Seed that draws the hidden ratings.
    """

    fraction: Fraction = 0.1
    count: Count | None = None
    seed: Seed = 0

    def __post_init__(self) -> None:
        if self.count is not None and self.fraction != 0.1:
            raise ValueError("give fraction or count, not both")

    @property
    def set_aside(self) -> frozenset[str]:
        """``fraction``, if ``count`` replaces it."""
        return frozenset({"fraction"} if self.count else ())


def split_holdout_user(
    ratings: Ratings, shipped: Mapping[str, Partition], options: HoldoutUserOptions
) -> Iterator[Partition]:
    """Yield one fold that hides a random part of each user's ratings.

    Every user with hidden ratings shows at least one.
    """
    counts = tally(ratings.users, ratings.n_users)
    if options.count is None:
        n_hidden = np.round(counts * options.fraction).astype(np.int64)
        n_hidden = np.minimum(n_hidden, np.maximum(counts - 1, 0))
    else:
        n_hidden = np.where(counts > options.count, options.count, 0)
    draws = raw_draws(len(ratings), options.seed, "holdout-user")
    yield _hiding_some("holdout", ratings, counts, n_hidden, draws)


class LeaveOneOutOptions(Options, frozen=True):
    """Options of ``leave-one-out``.

    Attributes:
        seed: Seed that draws the hidden rating of each user.
    """

    seed: Seed = 0


def split_leave_one_out(
    ratings: Ratings, shipped: Mapping[str, Partition], options: LeaveOneOutOptions
) -> Iterator[Partition]:
    """Yield one fold that hides one random rating of each user who has several."""
    counts = tally(ratings.users, ratings.n_users)
    n_hidden = (counts > 1).astype(np.int64)
    draws = raw_draws(len(ratings), options.seed, "leave-one-out")
    yield _hiding_some("left-out", ratings, counts, n_hidden, draws)


def _hiding_some(
    name: str,
    ratings: Ratings,
    counts: NDArray[np.int64],
    n_hidden: NDArray[np.int64],
    draws: NDArray[np.uint64],
) -> Partition:
    """Return a partition that hides the ratings of each user with the lowest draws.

    Args:
        name: Name within the protocol.
        ratings: The ratings.
        counts: Number of ratings of each user, shape ``(n_users,)``.
        n_hidden: Number of them to hide, shape ``(n_users,)``.
        draws: A random number per rating, shape ``(n,)``.
    """
    by_user = order_within(ratings.users, ratings.n_users, draws)
    first = np.cumsum(counts) - counts
    return hiding_by_user(name, ratings.users, by_user, first, first + n_hidden)


def carve_by_user(train: Ratings, options: HoldoutUserOptions, seed: int) -> Partition:
    """Set aside a random part of each user's ratings, by the same rule as the test."""
    rule = msgspec.structs.replace(options, seed=seed)
    return next(split_holdout_user(train, {}, rule))


def carve_left_out(train: Ratings, options: LeaveOneOutOptions, seed: int) -> Partition:
    """Set aside one more random rating of each user."""
    return next(split_leave_one_out(train, {}, LeaveOneOutOptions(seed=seed)))


def _assign_folds(n: int, n_folds: int, seed: int) -> NDArray[np.unsignedinteger[Any]]:
    """Return the fold number of each of *n* ratings, counted from 1."""
    order = permutation(n, seed, "kfold")
    edges = np.linspace(0, n, n_folds + 1).round().astype(int)
    fold_of = mapped.empty(n, np.min_scalar_type(n_folds))
    for k, (start, stop) in enumerate(pairwise(edges), start=1):
        fold_of[order[start:stop]] = k
    return fold_of


def carve_random(train: Ratings, options: Options, seed: int) -> Partition:
    """Set aside a random tenth of the ratings."""
    rule = HoldoutOptions(fraction=VALIDATION_FRACTION, seed=seed)
    return next(split_holdout(train, {}, rule))

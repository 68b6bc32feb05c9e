"""Random splits exactly as other libraries draw them, so that their figures compare.

They need the ratings in the order of the published file, which each rating's row
tells; without rows, the order is benchbox's.
"""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox import Options, Partition, Protocol
from benchbox.errors import ProtocolError
from benchbox.protocols import Fraction, carve_random, hiding
from benchbox.ratings import Ratings

Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]


class RatioOptions(Options, frozen=True):
    """Options of ``cornac-ratio``.

    Attributes:
        test_size: Share of all ratings to hide.
        seed: ``seed`` of Cornac's ``RatioSplit``.
    """

    test_size: Fraction = 0.2
    seed: Seed = 123


def split_ratio(
    ratings: Ratings, shipped: Mapping[str, Partition], options: RatioOptions
) -> Iterator[Partition]:
    """Yield the fold of Cornac's ``RatioSplit``.

    It hides the last ratings of a permutation by NumPy's older generator.
    """
    order = _in_file_order(ratings)
    random = np.random.RandomState(options.seed)
    n_hidden = ceil(options.test_size * len(ratings))
    hidden = order[random.permutation(len(ratings))[-n_hidden:]]
    yield hiding("ratio", hidden, len(ratings))


class KFoldOptions(Options, frozen=True):
    """Options of ``surprise-kfold``.

    Attributes:
        n_splits: Number of folds.
        random_state: ``random_state`` of Surprise's ``KFold``.
    """

    n_splits: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 5
    random_state: Seed = 0


def split_kfold(
    ratings: Ratings, shipped: Mapping[str, Partition], options: KFoldOptions
) -> Iterator[Partition]:
    """Yield the folds of Surprise's ``KFold``, named ``k1``, ``k2`` and so on.

    It cuts the ratings, shuffled by NumPy's older generator, into equal parts.
    """
    places = np.arange(len(ratings))
    np.random.RandomState(options.random_state).shuffle(places)
    order = _in_file_order(ratings)
    # The first folds have one rating more if the number is not divisible.
    for number, part in enumerate(np.array_split(places, options.n_splits), start=1):
        yield hiding(f"k{number}", order[part], len(ratings))


class UsersOptions(Options, frozen=True):
    """Options of ``lenskit-users``.

    Attributes:
        partitions: Number of folds; each user is tested in one.
        fraction: Share of a tested user's ratings to hide, as in ``SampleFrac``.
        rng: Seed of both of LensKit's generators.
    """

    partitions: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 5
    fraction: Fraction = 0.2
    rng: Seed = 0


def split_users(
    ratings: Ratings, shipped: Mapping[str, Partition], options: UsersOptions
) -> Iterator[Partition]:
    """Yield the folds of LensKit's ``crossfold_users`` with ``SampleFrac``.

    A fold trains on all ratings of the users it does not test. They are named ``k1``,
    ``k2`` and so on. LensKit sorts ids, so the folds are its own where benchbox sorts
    them alike: for numbers, not for texts of digits.

    Raises:
        ProtocolError: There are fewer users than folds.
    """
    users, starts = np.unique(ratings.users, return_index=True)
    if len(users) < options.partitions:
        raise ProtocolError(
            f"lenskit-users cannot make {options.partitions:,} folds of "
            f"{len(users):,} users. Give a smaller number of partitions."
        )
    lengths = np.diff(np.append(starts, len(ratings)))
    order = np.arange(len(users))
    np.random.default_rng(options.rng).shuffle(order)
    random = np.random.default_rng(options.rng)
    for number, tested in enumerate(np.array_split(order, options.partitions), 1):
        hidden = []
        for start, length in zip(starts[tested], lengths[tested].tolist(), strict=True):
            n_hidden = round(length * options.fraction)
            hidden.append(start + random.choice(length, n_hidden, replace=False))
        yield hiding(f"k{number}", np.concatenate(hidden), len(ratings))


def carve_users(train: Ratings, options: UsersOptions, seed: int) -> Partition:
    """Set aside validation ratings of some users, by the same rule as the test."""
    return next(split_users(train, {}, msgspec.structs.replace(options, rng=seed)))


def _in_file_order(ratings: Ratings) -> NDArray[np.int64]:
    """Return the positions of the ratings, as their file lists them."""
    if ratings.rows is None:
        return np.arange(len(ratings))
    return np.argsort(ratings.rows, kind="stable")


PROTOCOLS = (
    Protocol(
        name="cornac-ratio",
        summary="a random share is hidden, the one that Cornac's RatioSplit draws",
        options=RatioOptions,
        split=split_ratio,
        carve=carve_random,
    ),
    Protocol(
        name="surprise-kfold",
        summary="random folds, those that Surprise's KFold draws",
        options=KFoldOptions,
        split=split_kfold,
        carve=carve_random,
    ),
    Protocol(
        name="lenskit-users",
        summary="each fold hides a share of some users' ratings, as LensKit draws it",
        options=UsersOptions,
        split=split_users,
        carve=carve_users,
    ),
)

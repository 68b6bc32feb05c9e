"""At random: the folds a data set ships, and those dealt out without regard to whom."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.errors import ProtocolError
from benchbox.options import NoOptions, Options
from benchbox.protocols.partition import (
    VALIDATION_FRACTION,
    Dealt,
    Fraction,
    Partition,
    Seed,
    hiding,
)
from benchbox.ratings import Ratings
from benchbox.seeding import permutation


def split_official(
    ratings: Ratings, shipped: Mapping[str, Partition], options: NoOptions
) -> Iterator[Partition]:
    """Yield every fold the data set ships; a run chooses among them by name."""
    if not shipped:
        raise ProtocolError(
            "Protocol 'official' needs folds shipped with the data set, and this one "
            "has none. Try -p kfold or -p holdout."
        )
    yield from shipped.values()


class HoldoutOptions(Options, frozen=True):
    """Options of ``holdout``.

    Attributes:
        fraction: Share of all ratings to hide.
        seed: Draws the hidden ratings.
    """

    fraction: Fraction = 0.1
    seed: Seed = 0


def split_holdout(
    ratings: Ratings, shipped: Mapping[str, Partition], options: HoldoutOptions
) -> Iterator[Partition]:
    """Yield one fold whose hidden ratings are drawn without regard to user or item.

    A test user may thus have no training rating: a cold start.
    """
    order = permutation(len(ratings), options.seed)
    n_hidden = round(len(ratings) * options.fraction)
    yield hiding("holdout", order[:n_hidden], len(ratings))


class KFoldOptions(Options, frozen=True):
    """Options of ``kfold``.

    Attributes:
        n_folds: How many folds.
        seed: Deals the ratings out.
        repeats: How often all ratings are dealt out; the second time as with the next
            higher seed, and so on.
    """

    n_folds: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 5
    seed: Seed = 0
    repeats: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1


def split_kfold(
    ratings: Ratings, shipped: Mapping[str, Partition], options: KFoldOptions
) -> Iterator[Partition]:
    """Yield folds that together hide every rating exactly once per repeat.

    Ratings are dealt out at random, without regard to user or item, so a test user
    may have no training rating: a cold start. Folds are called ``k1``, ``k2``, …, of
    several repeats ``r1-k1`` and so on.
    """
    for repeat in range(options.repeats):
        dealt = _deal(len(ratings), options.n_folds, options.seed + repeat)
        prefix = f"r{repeat + 1}-" if options.repeats > 1 else ""
        for k in range(1, options.n_folds + 1):
            yield Dealt(f"{prefix}k{k}", dealt, k)


def _deal(n: int, n_folds: int, seed: int) -> NDArray[np.unsignedinteger[Any]]:
    """Return the fold of each of *n* ratings, counted from 1."""
    order = permutation(n, seed)
    edges = np.linspace(0, n, n_folds + 1).round().astype(int)
    dealt: NDArray[np.unsignedinteger[Any]] = np.zeros(n, np.min_scalar_type(n_folds))
    for k, (start, stop) in enumerate(pairwise(edges), start=1):
        dealt[order[start:stop]] = k
    return dealt


def carve_random(train: Ratings, options: Options, seed: int) -> Partition:
    """Set a tenth of the ratings aside at random."""
    rule = HoldoutOptions(fraction=VALIDATION_FRACTION, seed=seed)
    return next(split_holdout(train, {}, rule))

"""Canary: replaces hidden ratings, to detect models that have seen them."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.parallel import long_slices
from benchbox.arrays.positions import positions_where
from benchbox.data import data_id
from benchbox.protocols.folds import Fold
from benchbox.protocols.partition import HIDDEN
from benchbox.ratings import RatingScale, Values
from benchbox.seeding import raw_draws

_BELOW_ONE = 2.0**-64


def redraw_hidden(fold: Fold, seed: int) -> Fold:
    """Return *fold* with new random values for its hidden ratings.

    All that is visible stays the same. So fitted models, chosen options and validation
    figures must be the same on both folds, to the last byte; a difference proves that
    hidden ratings were read.

    Args:
        fold: The fold to change. A rating that is both hidden and visible, as in
            flawed protocols, keeps its value.
        seed: Draws the values, uniformly over the rating scale and its steps.
    """
    ratings, partition = fold.ratings, fold.partition
    n, roles = len(ratings), partition.roles(len(ratings))
    redrawn = positions_where(n, lambda part: roles[part] == HIDDEN)
    values = mapped.copied(ratings.values, np.float32)
    draws = raw_draws(len(redrawn), seed, "canary")
    for part in long_slices(len(redrawn)):
        values[redrawn[part]] = _values(ratings.scale, draws[part])
    changed = replace(ratings, values=values)
    return Fold(
        ratings=changed,
        partition=partition,
        protocol=fold.protocol,
        options=fold.options,
        data_id=data_id(changed),
    )


def _values(scale: RatingScale, draws: NDArray[np.uint64]) -> Values:
    shares = draws * _BELOW_ONE
    width = scale.high - scale.low
    if scale.step is None:
        drawn = scale.low + width * shares
    else:
        n_steps = round(width / scale.step) + 1
        drawn = scale.low + scale.step * np.floor(shares * n_steps)
    values: Values = drawn.astype(np.float32)
    # Rounding can carry the highest step a hair beyond the scale.
    return scale.clip(values)

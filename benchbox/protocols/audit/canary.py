"""Canary: replaces hidden ratings, to detect models that have seen them."""

from dataclasses import replace

import numpy as np

from benchbox.data import data_id
from benchbox.protocols.folds import Fold
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
    is_visible = np.zeros(len(ratings), dtype=bool)
    for part in (partition.train, partition.history):
        is_visible[part] = True
    redrawn = partition.hidden[~is_visible[partition.hidden]]
    values = ratings.values.copy()
    values[redrawn] = _draw(ratings.scale, len(redrawn), seed)
    changed = replace(ratings, values=values)
    return Fold(
        ratings=changed,
        partition=partition,
        protocol=fold.protocol,
        options=fold.options,
        data_id=data_id(changed),
    )


def _draw(scale: RatingScale, n: int, seed: int) -> Values:
    shares = raw_draws(n, seed, "canary") * _BELOW_ONE
    width = scale.high - scale.low
    if scale.step is None:
        drawn = scale.low + width * shares
    else:
        n_steps = round(width / scale.step) + 1
        drawn = scale.low + scale.step * np.floor(shares * n_steps)
    values: Values = drawn.astype(np.float32)
    # Rounding can carry the highest step a hair beyond the scale.
    return scale.clip(values)

"""Canary: the same fold with other truths, to find whoever looks at them."""

from dataclasses import replace

import numpy as np

from benchbox.data import data_id
from benchbox.protocols.folds import Fold
from benchbox.ratings import RatingScale, Values

_BELOW_ONE = 2.0**-64


def redraw_hidden(fold: Fold, seed: int) -> Fold:
    """Return *fold* with hidden ratings drawn anew, and all that is visible as it was.

    Whatever a model, a choice of options or a validation figure makes of the two folds
    must be the same to the last byte; where it is not, hidden ratings were read.

    Args:
        fold: Under a protocol that hides what it asks for. A rating both hidden and
            visible, as flawed protocols have them, keeps its value.
        seed: Draws the values: each step of the scale is as likely as the others,
            each value on a continuous one.
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
    # Raw draws alone are the same under every version of NumPy.
    shares = np.random.PCG64(seed).random_raw(n) * _BELOW_ONE
    width = scale.high - scale.low
    if scale.step is None:
        drawn = scale.low + width * shares
    else:
        n_steps = round(width / scale.step) + 1
        drawn = scale.low + scale.step * np.floor(shares * n_steps)
    values: Values = drawn.astype(np.float32)
    # Rounding can carry the highest step a hair beyond the scale.
    return scale.clip(values)

"""Static features of users and items as facts that rows have or lack."""

import numpy as np
from numpy.typing import NDArray

from benchbox import Ratings
from benchbox.errors import ModelError
from benchbox.models import EncodedFeatures, encode_features
from benchbox.ratings import Features

# By validation RMSE on ML-100K (a tenth of the training parts of u1 and u3), with days:
# 0.8781, where numbers as they are give 0.8790, and 25 steps 0.8784.
_N_STEPS = 10


def facts(
    train: Ratings, *, needed: bool
) -> tuple[EncodedFeatures | None, EncodedFeatures | None]:
    """Return the static facts about users and about items, if they are *needed*.

    Raises:
        ModelError: There are none.
    """
    if not needed:
        return None, None
    of_users = encode_features(in_steps(train.user_features), train.n_users)
    of_items = encode_features(in_steps(train.item_features), train.n_items)
    if not of_users.names and not of_items.names:
        raise ModelError(
            "side=true needs features of users or items, and this data set has no "
            "usable ones. Leave it out."
        )
    return of_users, of_items


def in_steps(features: Features | None) -> Features | None:
    """Return *features* with numbers replaced by steps that hold about as many rows.

    A step is a label, so that each has coefficients of its own: what people like is
    rarely linear in their age, or in the year of a film.

    Args:
        features: Columns by name, or `None`.
    """
    if features is None:
        return None
    return {
        name: _labels(column) if column.dtype.kind in "iuf" else column
        for name, column in features.items()
    }


def _labels(column: NDArray[np.generic]) -> NDArray[np.str_]:
    numbers = column.astype(np.float64)
    known = np.isfinite(numbers)
    shares = np.arange(1, _N_STEPS) / _N_STEPS
    ends = np.unique(np.quantile(numbers[known], shares)) if known.any() else shares
    steps = np.searchsorted(ends, numbers, side="left").astype(np.str_)
    # A missing number has no label.
    return np.where(known, steps, "")

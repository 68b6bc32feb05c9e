"""Centring: what is subtracted from ratings before a network learns the rest."""

from typing import NamedTuple

import numpy as np

from benchbox.models.bias import BiasModel, fit_bias_model
from benchbox.models.training.options import Centring
from benchbox.ratings import Ratings


class Centred(NamedTuple):
    """A bias model to subtract from ratings, and the spread of the rest.

    Attributes:
        model: Predicts the centre of each pair: a full bias model, the mean, or 0.
        spread: Standard deviation of the training ratings around their centres, or
            1 if nothing is subtracted. Dividing by it makes learning rates comparable
            across rating scales.
    """

    model: BiasModel
    spread: float


def fit_centring(train: Ratings, kind: Centring) -> Centred:
    """Fit the centres of *train*: its bias model, its mean or none."""
    if kind == "bias":
        model = fit_bias_model(train)
    else:
        model = BiasModel(
            mean=float(train.values.mean(dtype=np.float64)) if kind == "mean" else 0.0,
            user_bias=np.zeros(train.n_users),
            item_bias=np.zeros(train.n_items),
            user_damping=0.0,
        )
    if kind == "none":
        # Raw ratings are for published settings, which assume that they are not scaled.
        return Centred(model, 1.0)
    rest = train.values - model.predict(train.users, train.items)
    spread = float(np.sqrt(np.mean(np.square(rest), dtype=np.float64)))
    # If the spread is 0, there is nothing to scale by.
    return Centred(model, spread or 1.0)

"""Centring: what ratings are taken off before a network learns the rest."""

from typing import NamedTuple

import numpy as np

from benchbox.models.bias import BiasModel, fit_bias_model
from benchbox.models.training.options import Centring
from benchbox.ratings import Ratings


class Centred(NamedTuple):
    """A bias model, fitted, reduced to its mean or empty, and the spread around it.

    Attributes:
        model: Gives the centre of each pair.
        spread: Standard deviation of the training ratings around their centres, or
            1 if nothing is taken off. Dividing by it makes learning rates mean the
            same on every rating scale.
    """

    model: BiasModel
    spread: float


def fit_centring(train: Ratings, kind: Centring) -> Centred:
    """Return the centres of *train* of the *kind* the options name."""
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
        # Who wants raw ratings has published settings for them.
        return Centred(model, 1.0)
    rest = train.values - model.predict(train.users, train.items)
    spread = float(np.sqrt(np.mean(np.square(rest), dtype=np.float64)))
    # Ratings that all agree leave nothing to scale by.
    return Centred(model, spread or 1.0)

"""Residuals: ratings as a sparse matrix of what a bias model leaves."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchbox import Ratings
from benchbox.reference import BiasModel


def zero_model(train: Ratings) -> BiasModel:
    """Return the bias model that predicts 0, so that residuals are the ratings."""
    return BiasModel(
        mean=0.0,
        user_bias=np.zeros(train.n_users),
        item_bias=np.zeros(train.n_items),
        user_damping=np.inf,
    )


def residuals(ratings: Ratings, bias: BiasModel) -> Any:
    """Return ``rating - bias`` per rated cell, CSR of shape ``(n_users, n_items)``.

    Users' offsets are taken from these ratings, so the users need not be trained on.
    A residual of 0 stays stored: the index says what is rated, not the value.
    """
    rows = ratings.by_user()
    user_bias = bias.user_bias_from(ratings)
    rest = ratings.values - (
        bias.mean + user_bias[ratings.users] + bias.item_bias[ratings.items]
    )
    return csr_array(
        (rest[rows.positions], rows.indices, rows.offsets),
        shape=(ratings.n_users, ratings.n_items),
    )


def predict(
    bias: BiasModel,
    history: Ratings,
    user_factors: NDArray[np.float64],
    item_factors: NDArray[np.float64],
    users: NDArray[np.int32],
    items: NDArray[np.int32],
) -> NDArray[np.float32]:
    """Return ``bias + p_u . q_i`` per pair, users' offsets taken from *history*."""
    user_bias = bias.user_bias_from(history)
    total = bias.mean + user_bias[users] + bias.item_bias[items]
    total += np.einsum("nk,nk->n", user_factors[users], item_factors[items])
    return total.astype(np.float32)

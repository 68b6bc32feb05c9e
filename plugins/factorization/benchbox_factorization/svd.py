"""Truncated SVD of a filled rating matrix."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from benchbox import FitContext, Ratings
from benchbox.models import (
    BiasModel,
    Shrinkage,
    State,
    fit_bias_model,
    fit_shrinkage,
    nested,
    part,
)
from benchbox_factorization.matrix import by_user
from benchbox_factorization.options import SVDOptions

# Up to this number of rows or columns, a dense SVD is as fast, and exact.
_DENSE = 64


class SVD:
    """``R V V'`` with the leading right singular vectors ``V`` of the filled matrix.

    This equals ``U S V'`` on the training matrix, and also works for rows of users who
    were not trained on (PureSVD, Cremonesi et al., 2010).
    """

    def __init__(self, options: SVDOptions) -> None:
        self._options = options
        self._shrinkage = Shrinkage()
        self._bias: BiasModel
        self._item_factors: NDArray[np.float64]

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Compute the leading right singular vectors of the filled *train* matrix."""
        filled_with_bias = self._options.fill == "bias"
        self._bias = fit_bias_model(train) if filled_with_bias else zero_model(train)
        matrix = residuals(train, self._bias)
        self._item_factors = right_vectors(matrix, self._options.n_factors)
        error = context.validation_error(self._unshrunk)
        if error is not None:
            context.report(1, 1, validation_rmse=error)
        self._shrinkage = fit_shrinkage(train, context, self._unshrunk, self._shrinkage)

    def state(self) -> State:
        """Return the bias model and the item factors."""
        return {
            **nested("bias", self._bias.state),
            **nested("shrinkage", self._shrinkage.state),
            "items": self._item_factors,
        }

    def restore(self, state: State) -> None:
        """Restore the bias model and the item factors."""
        self._bias = BiasModel.from_state(part(state, "bias"))
        self._shrinkage = Shrinkage.from_state(part(state, "shrinkage"))
        self._item_factors = state["items"]

    @property
    def n_parameters(self) -> int:
        """Item factors, and the bias model's mean and item offsets."""
        filled_with_bias = self._options.fill == "bias"
        of_bias = 1 + self._bias.item_bias.size if filled_with_bias else 0
        return self._item_factors.size + of_bias + self._shrinkage.n_parameters

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the low-rank reconstruction of *history* at the given pairs."""
        predicted = self._unshrunk(history, users, items)
        return self._shrinkage.shrunk(predicted, history, users, items)

    def _unshrunk(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        user_factors = residuals(history, self._bias) @ self._item_factors
        total = self._bias.predict_from(history, users, items)
        total += np.einsum("nk,nk->n", user_factors[users], self._item_factors[items])
        return total.astype(np.float32)


def zero_model(train: Ratings) -> BiasModel:
    """Return a bias model that predicts 0, so that residuals equal the ratings."""
    return BiasModel(
        mean=0.0,
        user_bias=np.zeros(train.n_users),
        item_bias=np.zeros(train.n_items),
        user_damping=np.inf,
        item_damping=np.inf,
    )


def residuals(ratings: Ratings, bias: BiasModel) -> Any:
    """Return ``rating - bias`` per rated cell, CSR of shape ``(n_users, n_items)``.

    Users' offsets are computed from *ratings*, so users need not be trained on.
    """
    centres = bias.predict_from(ratings, ratings.users, ratings.items)
    return by_user(ratings, ratings.values - centres)


def right_vectors(matrix: Any, n_factors: int) -> NDArray[np.float64]:
    """Return the leading right singular vectors of a sparse matrix as columns.

    A sparse matrix is never filled in, because missing residuals are 0 already.

    Args:
        matrix: CSR of shape ``(m, n)``.
        n_factors: Number of vectors; fewer are returned if the matrix is smaller.

    Returns:
        Vectors of shape ``(n, n_factors)``.
    """
    smaller = min(matrix.shape)
    if smaller <= _DENSE or n_factors >= smaller - 1:
        _, _, right = np.linalg.svd(matrix.toarray(), full_matrices=False)
    elif not matrix.data.any():
        # The Lanczos iteration cannot start on a matrix of zeros.
        return np.zeros((matrix.shape[1], n_factors))
    else:
        # A fixed start makes the result reproducible. It is a random vector, because a
        # vector of ones might be orthogonal to a singular vector.
        start = np.random.Generator(np.random.PCG64(0)).standard_normal(smaller)
        _, _, right = svds(matrix, k=n_factors, v0=start)
        right = right[::-1]
    vectors: NDArray[np.float64] = np.ascontiguousarray(right[:n_factors].T)
    return vectors

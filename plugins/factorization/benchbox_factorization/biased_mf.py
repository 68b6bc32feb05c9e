"""Biased matrix factorization by alternating least squares."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchbox import FitContext, Ratings
from benchbox.reference import BiasModel, fit_bias_model
from benchbox_factorization.options import BiasedMFOptions
from benchbox_factorization.residuals import predict, residuals

# Rows solved at a time, so that their systems stay in cache and in memory.
_ROWS = 4096

_START_SPREAD = 0.1


class BiasedMF:
    """``mean + b_u + b_i + p_u . q_i`` (Koren et al., 2009, eq. 4), factors by ALS.

    The biases are fitted first, then the factors to what they leave:
    the squared errors plus ``(damping + weight_decay * n) * |factors|^2`` over every
    user and item with *n* ratings. A weight per rating is Zhou et al.'s (2008,
    doi:10.1007/978-3-540-68880-8_32).
    """

    def __init__(self, options: BiasedMFOptions) -> None:
        self._options = options
        self._bias: BiasModel
        self._item_factors: NDArray[np.float64]

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Solve users and items in turn, from small random item factors."""
        self._bias = fit_bias_model(train)
        by_user = residuals(train, self._bias)
        by_item = by_user.T.tocsr()
        draw = np.random.Generator(np.random.PCG64(context.seed))
        shape = (train.n_items, self._options.n_factors)
        self._item_factors = _START_SPREAD * draw.standard_normal(shape)
        for epoch in range(1, self._options.epochs + 1):
            self._item_factors = self._solve(by_item, self._solve_users(by_user))
            context.report(epoch, self._options.epochs)

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return biases plus factors, the users' solved for from *history*."""
        user_factors = self._solve_users(residuals(history, self._bias))
        return predict(
            self._bias, history, user_factors, self._item_factors, users, items
        )

    def _solve_users(self, by_user: Any) -> NDArray[np.float64]:
        return self._solve(by_user, self._item_factors)

    def _solve(self, rows: Any, factors: NDArray[np.float64]) -> NDArray[np.float64]:
        return solve_ridge(
            rows, factors, self._options.damping, self._options.weight_decay
        )


def solve_ridge(
    rows: Any, factors: NDArray[np.float64], damping: float, weight_decay: float
) -> NDArray[np.float64]:
    """Return the factor vector of each row that fits its stored cells best.

    Solves ``(Q' Q + (damping + weight_decay * n) I) p = Q' r`` per row, where ``Q``
    are the factors of the row's *n* stored columns. A row without any gets 0.

    Args:
        rows: CSR of shape ``(m, n_columns)``; a stored 0 is a cell like any other.
        factors: Factors of the columns, shape ``(n_columns, k)``.
        damping: Ridge per row.
        weight_decay: Ridge per stored cell.
    """
    upper = np.triu_indices(factors.shape[1])
    # One product of a 0/1 matrix with all outer products gives every row's Q' Q.
    products = factors[:, upper[0]] * factors[:, upper[1]]
    ridge = damping + weight_decay * np.diff(rows.indptr)
    blocks = (slice(i, i + _ROWS) for i in range(0, rows.shape[0], _ROWS))
    return np.concatenate(
        [_solve_block(rows[block], factors, products, ridge[block]) for block in blocks]
    )


def _solve_block(
    rows: Any,
    factors: NDArray[np.float64],
    products: NDArray[np.float64],
    ridge: NDArray[np.float64],
) -> NDArray[np.float64]:
    n_factors = factors.shape[1]
    ones = csr_array((np.ones(rows.nnz), rows.indices, rows.indptr), shape=rows.shape)
    upper, diagonal = np.triu_indices(n_factors), np.arange(n_factors)
    left = np.empty((rows.shape[0], n_factors, n_factors))
    left[:, upper[0], upper[1]] = left[:, upper[1], upper[0]] = ones @ products
    # A row without cells would have nothing to divide by if there is no damping.
    n_cells = np.diff(rows.indptr)
    left[:, diagonal, diagonal] += np.where(n_cells > 0, ridge, 1.0)[:, None]
    solved: NDArray[np.float64] = np.linalg.solve(left, (rows @ factors)[:, :, None])
    return solved[:, :, 0]

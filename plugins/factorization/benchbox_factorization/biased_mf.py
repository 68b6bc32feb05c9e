"""Biased matrix factorization by alternating least squares."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchbox import FitContext, Ratings
from benchbox.reference import fit_bias_model
from benchbox_factorization.matrix import by_user
from benchbox_factorization.options import BiasedMFOptions

# Rows solved at a time, so that their systems stay in cache and in memory.
_ROWS = 4096

_START_SPREAD = 0.1


class BiasedMF:
    """``mean + b_u + b_i + p_u . q_i`` (Koren et al., 2009, eq. 4) by ALS.

    Minimises the squared errors plus, over every user and item with *n* ratings,
    ``(damping + weight_decay * n) * |factors|^2`` and its side's damping times the
    squared bias. A weight per rating is Zhou et al.'s (2008,
    doi:10.1007/978-3-540-68880-8_32). A side's biases and factors are solved
    together, exactly, as one ridge regression per user or item.
    """

    def __init__(self, options: BiasedMFOptions) -> None:
        self._options = options
        self._mean = 0.0
        # Bias, then factors: shape (n_items, 1 + n_factors).
        self._items: NDArray[np.float64]

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Solve users and items in turn, from the biases and small random factors."""
        options = self._options
        bias = fit_bias_model(train)
        self._mean = bias.mean
        draw = np.random.Generator(np.random.PCG64(context.seed))
        factors = draw.standard_normal((train.n_items, options.n_factors))
        self._items = np.column_stack([bias.item_bias, _START_SPREAD * factors])
        user_rows = self._rows(train)
        item_rows = user_rows.T.tocsr()
        for epoch in range(1, options.epochs + 1):
            users = self._solve(user_rows, self._items, options.user_damping)
            self._items = self._solve(item_rows, users, options.item_damping)
            context.report(epoch, options.epochs)

    @property
    def n_parameters(self) -> int:
        """The mean, and bias and factors per item; users come from their history."""
        return 1 + self._items.size

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return biases plus factors, the users' solved for from *history*."""
        damping = self._options.user_damping
        solved = self._solve(self._rows(history), self._items, damping)
        left, right = solved[users], self._items[items]
        total = self._mean + left[:, 0] + right[:, 0]
        total += np.einsum("nk,nk->n", left[:, 1:], right[:, 1:])
        return total.astype(np.float32)

    def _rows(self, ratings: Ratings) -> Any:
        centred = np.subtract(ratings.values, self._mean, dtype=np.float64)
        return by_user(ratings, centred)

    def _solve(
        self, rows: Any, others: NDArray[np.float64], bias_damping: float
    ) -> NDArray[np.float64]:
        n_rated = np.diff(rows.indptr)
        ridge = np.empty((rows.shape[0], others.shape[1]))
        ridge[:, 0] = bias_damping
        ridge[:, 1:] = (
            self._options.damping + self._options.weight_decay * n_rated[:, None]
        )
        return solve_side(rows, others, ridge)


def solve_side(
    rows: Any, others: NDArray[np.float64], ridge: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the bias and factors of each row that fit its stored cells best.

    Solves ``(Q' Q + diag(ridge)) x = Q' (r - b)`` per row, where *r* are the stored
    cells, *b* the biases of their columns, and ``Q`` a column of ones beside their
    factors. A row without cells gets 0.

    Args:
        rows: CSR of shape ``(m, n_columns)``; a stored 0 is a cell like any other.
        others: Bias and factors of each column, shape ``(n_columns, 1 + k)``.
        ridge: Ridge per row and unknown, shape ``(m, 1 + k)``, positive on factors.
    """
    features = others.copy()
    features[:, 0] = 1
    upper = np.triu_indices(features.shape[1])
    # One product of a 0/1 matrix with all outer products gives every row's Q' Q.
    products = features[:, upper[0]] * features[:, upper[1]]
    rest = rows.data - others[rows.indices, 0]
    rest = csr_array((rest, rows.indices, rows.indptr), shape=rows.shape)
    parts = [
        _solve_block(rest[i : i + _ROWS], features, products, ridge[i : i + _ROWS])
        for i in range(0, rows.shape[0], _ROWS)
    ]
    return np.concatenate(parts)


def _solve_block(
    rows: Any,
    features: NDArray[np.float64],
    products: NDArray[np.float64],
    ridge: NDArray[np.float64],
) -> NDArray[np.float64]:
    n_unknowns = features.shape[1]
    ones = csr_array((np.ones(rows.nnz), rows.indices, rows.indptr), shape=rows.shape)
    upper, diagonal = np.triu_indices(n_unknowns), np.arange(n_unknowns)
    left = np.empty((rows.shape[0], n_unknowns, n_unknowns))
    left[:, upper[0], upper[1]] = left[:, upper[1], upper[0]] = ones @ products
    # A row without cells would have nothing to divide by if there is no damping.
    has_cells = np.diff(rows.indptr)[:, None] > 0
    left[:, diagonal, diagonal] += np.where(has_cells, ridge, 1.0)
    solved: NDArray[np.float64] = np.linalg.solve(left, (rows @ features)[:, :, None])
    return solved[:, :, 0]

"""Biased matrix factorization by alternating least squares."""

import numpy as np
from numpy.typing import NDArray

from benchbox import FitContext, Ratings
from benchbox.ratings import Grouped
from benchbox.reference import fit_bias_model
from benchbox_factorization.matrix import of_users, starting_factors
from benchbox_factorization.moments import (
    Block,
    Cholesky,
    Columns,
    Real,
    blocks,
    diagonal,
)
from benchbox_factorization.options import BiasedMFOptions


class BiasedMF:
    """``mean + b_u + b_i + p_u . q_i`` (Koren et al., 2009, eq. 4) by ALS.

    Minimises the squared errors plus, over every user and item with *n* ratings,
    ``(damping + weight_decay * n) * |factors|^2`` and its side's damping times the
    squared bias. A weight per rating is Zhou et al.'s (2008,
    doi:10.1007/978-3-540-68880-8_32). A side's biases and factors are solved
    together, exactly, as one ridge regression per user or item, in float32.
    """

    def __init__(self, options: BiasedMFOptions) -> None:
        self._options = options
        self._mean = 0.0
        # Bias, then factors: shape (n_items, 1 + n_factors).
        self._items: NDArray[np.float32]

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Solve users and items in turn, from biases and the residuals' directions."""
        options = self._options
        # A start only, so it need not be the biases' optimum.
        bias = fit_bias_model(train, n_sweeps=3)
        self._mean = bias.mean
        draw = np.random.Generator(np.random.PCG64(context.seed))
        factors = starting_factors(train, bias, options.n_factors, draw)
        self._items = np.column_stack([bias.item_bias.astype(np.float32), factors])
        users_rated = self._blocks(train.by_user())
        items_rated = self._blocks(train.by_item())
        for epoch in range(1, options.epochs + 1):
            users = self._solve(users_rated, self._items, options.user_damping)
            self._items = self._solve(items_rated, users, options.item_damping)
            context.report(epoch, options.epochs)

    @property
    def n_parameters(self) -> int:
        """The mean, and bias and factors per item; users come from their history."""
        return 1 + self._items.size

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return biases plus factors, the users' solved for from *history*."""
        asked, places = np.unique(users, return_inverse=True)
        solved = self._users(of_users(history, asked))
        left, right = solved[places], self._items[items]
        total = left[:, 0] + right[:, 0]
        total += np.einsum("nk,nk->n", left[:, 1:], right[:, 1:])
        return total + np.float32(self._mean)

    def _users(self, history: Ratings) -> NDArray[np.float32]:
        rated = self._blocks(history.by_user())
        return self._solve(rated, self._items, self._options.user_damping)

    def _blocks(self, grouped: Grouped) -> list[Block]:
        centred = grouped.values - np.float32(self._mean)
        return list(blocks(grouped, centred, 1 + self._options.n_factors))

    def _solve(
        self, rated: list[Block], others: NDArray[np.float32], bias_damping: float
    ) -> NDArray[np.float32]:
        columns = Columns(others)
        solved = [np.empty((0, others.shape[1]), dtype=np.float32)]
        for block in rated:
            ridge = self._ridge(block, bias_damping)
            solved.append(solve_rows(block, columns, ridge).T)
        return np.concatenate(solved)

    def _ridge(self, block: Block, bias_damping: float) -> NDArray[np.float32]:
        options = self._options
        counts = block.counts
        ridge = np.empty((1 + options.n_factors, len(counts)), dtype=np.float32)
        ridge[0] = bias_damping
        ridge[1:] = options.damping + options.weight_decay * counts
        return ridge


def solve_rows(block: Block, columns: Columns, ridge: Real) -> Real:
    """Return the bias and factors of each row that fit its ratings best.

    Solves ``(Q' Q + diag(ridge)) x = Q' (r - b)`` per row, where *r* are its ratings,
    *b* the biases of their columns, and ``Q`` a column of ones beside their factors.
    A row without ratings gets 0.

    Args:
        block: The rows.
        columns: Biases and factors of the columns.
        ridge: Ridge per unknown and row, shape ``(1 + k, m)``, positive on factors.

    Returns:
        Solutions, shape ``(1 + k, m)``.
    """
    moments = columns.moments(block)
    left = moments.left
    # A row without cells would have nothing to divide by if there is no damping.
    left[diagonal(len(ridge))] += np.where(block.counts > 0, ridge, 1)
    return Cholesky(left, len(ridge)).solve(moments.right)

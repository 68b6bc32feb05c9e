"""Biased matrix factorization by alternating least squares."""

import numpy as np
from numpy.typing import NDArray

from benchbox import FitContext, Ratings
from benchbox.models import State, fit_bias_model
from benchbox.ratings import Grouped
from benchbox_factorization.matrix import of_users, starting_factors
from benchbox_factorization.options import BiasedMFOptions
from benchbox_factorization.population import Vectors
from benchbox_factorization.sides import Side, make_side


class BiasedMF:
    """``mean + b_u + b_i + p_u . q_i`` (Koren et al., 2009, eq. 4) by ALS.

    Minimises the sum of squared errors plus, for every user and item with *n* ratings,
    ``(damping + weight_decay * n) * |factors|^2`` and ``user_damping`` or
    ``item_damping`` times the squared bias. The penalty per rating is from Zhou et al.
    (2008, doi:10.1007/978-3-540-68880-8_32). The biases and factors of one side are
    solved together and exactly, as one ridge regression per user or item, in float32.
    """

    def __init__(self, options: BiasedMFOptions) -> None:
        self._options = options
        self._mean = 0.0
        # Bias, then factors: shape (n_items, 1 + n_factors).
        self._items: Vectors
        self._device = "cpu"

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Solve for users and items in turn, starting from biases and residuals."""
        options, self._device = self._options, context.device
        # This is only a starting point, so the biases need not be optimal.
        bias = fit_bias_model(train, n_sweeps=3)
        self._mean = bias.mean
        draw = np.random.Generator(np.random.PCG64(context.seed))
        factors = starting_factors(train, bias, options.n_factors, draw)
        self._items = np.column_stack([bias.item_bias.astype(np.float32), factors])
        users_rated = self._side(train.by_user())
        items_rated = self._side(train.by_item())
        for epoch in range(1, options.epochs + 1):
            users = self._solve(users_rated, self._items, options.user_damping)
            self._items = self._solve(items_rated, users, options.item_damping)
            context.report(epoch, options.epochs)

    def state(self) -> State:
        """Return the mean, and the biases and factors of items."""
        return {"mean": self._mean, "items": self._items}

    def restore(self, state: State) -> None:
        """Restore the mean, and the biases and factors of items."""
        self._mean, self._items = float(state["mean"]), state["items"]

    @property
    def n_parameters(self) -> int:
        """The mean, and biases and factors of items; users' come from history."""
        return 1 + self._items.size

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the predictions, with users' biases and factors from *history*."""
        asked, places = np.unique(users, return_inverse=True)
        solved = self._users(of_users(history, asked))
        left, right = solved[places], self._items[items]
        total = left[:, 0] + right[:, 0]
        total += np.einsum("nk,nk->n", left[:, 1:], right[:, 1:])
        return total + np.float32(self._mean)

    def _users(self, history: Ratings) -> Vectors:
        return self._solve(
            self._side(history.by_user()), self._items, self._options.user_damping
        )

    def _side(self, grouped: Grouped) -> Side:
        centred = grouped.values - np.float32(self._mean)
        width = 1 + self._options.n_factors
        return make_side(grouped, centred, width, self._device)

    def _solve(self, side: Side, others: Vectors, bias_damping: float) -> Vectors:
        options = self._options
        ridge = np.empty((1 + options.n_factors, len(side.counts)), dtype=np.float32)
        ridge[0] = bias_damping
        ridge[1:] = options.damping + options.weight_decay * side.counts
        return side.solve(others, ridge)

"""Biased matrix factorization by alternating least squares."""

import numpy as np
from numpy.typing import NDArray

from benchbox import FitContext, Ratings
from benchbox.models import (
    Shrinkage,
    State,
    fit_bias_model,
    fit_shrinkage,
    nested,
    part,
)
from benchbox.models.training import Centre, fit_centre
from benchbox.ratings import Grouped
from benchbox_factorization.matrix import of_users_in_parts, starting_factors
from benchbox_factorization.options import BiasedMFOptions
from benchbox_factorization.population import Vectors
from benchbox_factorization.sides import Side, make_side


class BiasedMF:
    """``mean + b_u + b_i + p_u . q_i`` (Koren et al., 2009, eq. 4) by ALS.

    Ratings are first standardised to mean 0 and variance 1, so that the penalties suit
    every rating scale. Minimises the sum of squared errors plus, for every user and
    item with *n* ratings, ``(damping + weight_decay * n) * |factors|^2`` and
    ``user_damping`` or ``item_damping`` times the squared bias. The penalty per rating
    is from Zhou et al. (2008, doi:10.1007/978-3-540-68880-8_32). The biases and factors
    of one side are solved together and exactly, as one ridge regression per user or
    item, in float32.
    """

    def __init__(self, options: BiasedMFOptions) -> None:
        self._options = options
        self._user_damping = 0.0
        self._shrinkage = Shrinkage()
        self._centre: Centre
        # Bias, then factors: shape (n_items, 1 + n_factors).
        self._items: Vectors
        self._device = "cpu"

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Solve for users and items in turn, starting from biases and residuals."""
        options, self._device = self._options, context.device
        bias = fit_bias_model(
            train,
            user_damping=options.user_damping,
            item_damping=options.item_damping,
        )
        self._user_damping = bias.user_damping
        self._centre = fit_centre(train, "mean")
        draw = np.random.Generator(np.random.PCG64(context.seed))
        factors = starting_factors(train, bias, options.n_factors, draw)
        start = (bias.item_bias / self._centre.spread).astype(np.float32)
        self._items = np.column_stack([start, factors])
        scaled = self._centre.scaled(train)
        users_rated = self._side(train.by_user(), scaled)
        items_rated = self._side(train.by_item(), scaled)
        n_epochs = context.epochs or options.epochs
        for epoch in range(1, n_epochs + 1):
            users = self._solve(users_rated, self._items, bias.user_damping)
            self._items = self._solve(items_rated, users, bias.item_damping)
            is_last = epoch == n_epochs
            error = context.validation_error(self._unshrunk) if is_last else None
            context.report(epoch, n_epochs, validation_rmse=error)
        self._shrinkage = fit_shrinkage(train, context, self._unshrunk, self._shrinkage)

    def state(self) -> State:
        """Return the standardisation, and the biases and factors of items."""
        return {
            **nested("centre", self._centre.state),
            **nested("shrinkage", self._shrinkage.state),
            "user_damping": self._user_damping,
            "items": self._items,
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self._centre = Centre.from_state(part(state, "centre"))
        self._shrinkage = Shrinkage.from_state(part(state, "shrinkage"))
        self._user_damping = float(state["user_damping"])
        self._items = state["items"]

    @property
    def n_parameters(self) -> int:
        """The mean, and biases and factors of items; users' come from history."""
        return 1 + self._items.size + self._shrinkage.n_parameters

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the predictions, with users' biases and factors from *history*."""
        predicted = self._unshrunk(history, users, items)
        return self._shrinkage.shrunk(predicted, history, users, items)

    def _unshrunk(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        asked, places = np.unique(users, return_inverse=True)
        parts = of_users_in_parts(history, asked)
        solved = np.concatenate([self._users(some) for some in parts])
        left, right = solved[places], self._items[items]
        total = left[:, 0] + right[:, 0]
        total += np.einsum("nk,nk->n", left[:, 1:], right[:, 1:])
        return self._centre.restored(total, self._centre.of(history, users, items))

    def _users(self, history: Ratings) -> Vectors:
        rated = self._side(history.by_user(), self._centre.scaled(history))
        return self._solve(rated, self._items, self._user_damping)

    def _side(self, grouped: Grouped, scaled: Vectors) -> Side:
        width = 1 + self._options.n_factors
        return make_side(grouped, grouped.arranged(scaled), width, self._device)

    def _solve(self, side: Side, others: Vectors, bias_damping: float) -> Vectors:
        options = self._options
        ridge = np.empty((1 + options.n_factors, len(side.counts)), dtype=np.float32)
        ridge[0] = bias_damping
        ridge[1:] = options.damping + options.weight_decay * side.counts
        return side.solve(others, ridge)

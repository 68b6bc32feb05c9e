"""Non-negative matrix factorization by multiplicative updates."""

import numpy as np
from numpy.typing import NDArray

from benchbox import FitContext, Ratings, RatingScale
from benchbox.models import Shrinkage, State, fit_shrinkage, nested, part
from benchbox.ratings import Grouped
from benchbox_factorization import gradient_kernels as kernels
from benchbox_factorization.options import NMFOptions
from benchbox_factorization.population import Vectors

# Ratings are mapped linearly from their scale to this one, so that the factors of every
# scale are alike. At its lower end, a factor of 0 is no perfect answer.
_LOW, _HIGH = 1.0, 5.0

Rows = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]
"""Offsets, columns and mapped ratings by row."""


class NMF:
    """``p_u . q_i`` without negative factors (Lee & Seung, 2001), on rated cells only.

    Minimises the squared error plus ``weight_decay`` times the squared factors of its
    user and item, for each rating. Ratings are first mapped linearly from their scale
    to 1 to 5: the model has no offsets, so the zero of its scale matters.

    Users and items are updated in turn. A user's factors come from their history: by
    ``n_user_updates`` updates from a constant start, with all items fixed. Users and
    items without ratings get the mean factors.
    """

    def __init__(self, options: NMFOptions) -> None:
        self._options = options
        self._low, self._width = 0.0, 1.0
        self._shrinkage = Shrinkage()
        # Factors per item, and the mean factors of users.
        self._items: Vectors
        self._mean_user: NDArray[np.float32]

    def prepare(self) -> None:
        """Compile the update."""
        empty = np.zeros((0, 1), np.float32)
        cells = np.zeros(0, np.int32), np.zeros(0, np.float32)
        kernels.multiply(np.zeros(1, np.int64), *cells, empty, empty, np.float32(0))

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Update users and items in turn, from a random start."""
        options = self._options
        n_epochs = context.epochs or options.epochs
        scale = _scale_of(train)
        self._low, self._width = scale.low, scale.high - scale.low
        users_rated = self._rows(train.by_user())
        items_rated = self._rows(train.by_item())
        draw = np.random.Generator(np.random.PCG64(context.seed))
        # Uniform from 0, and so that predictions start near the mean rating.
        most = 2 * self._typical(float(users_rated[2].mean()))
        users, self._items = (
            np.float32(most) * draw.random((n, options.n_factors), dtype=np.float32)
            for n in (train.n_users, train.n_items)
        )
        penalty = np.float32(options.weight_decay)
        for epoch in range(1, n_epochs + 1):
            kernels.multiply(*users_rated, users, self._items, penalty)
            kernels.multiply(*items_rated, self._items, users, penalty)
            if epoch < n_epochs:
                context.report(epoch, n_epochs)
        rated = np.diff(items_rated[0]) > 0
        self._items[~rated] = self._items[rated].mean(axis=0)
        self._mean_user = self._users(users_rated)[np.diff(users_rated[0]) > 0].mean(
            axis=0
        )
        error = context.validation_error(self._unshrunk)
        context.report(n_epochs, n_epochs, validation_rmse=error)
        self._shrinkage = fit_shrinkage(train, context, self._unshrunk, self._shrinkage)

    def state(self) -> State:
        """Return the factors of items, the mean user, and the scale."""
        return {
            "low": self._low,
            "width": self._width,
            "items": self._items,
            "mean_user": self._mean_user,
            **nested("shrinkage", self._shrinkage.state),
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self._low, self._width = float(state["low"]), float(state["width"])
        self._items, self._mean_user = (
            np.array(state["items"]),
            np.array(state["mean_user"]),
        )
        self._shrinkage = Shrinkage.from_state(part(state, "shrinkage"))

    @property
    def n_parameters(self) -> int:
        """Factors of items and of the mean user."""
        own = self._items.size + self._mean_user.size
        return own + self._shrinkage.n_parameters

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the predictions, with users' factors from *history*."""
        predicted = self._unshrunk(history, users, items)
        return self._shrinkage.shrunk(predicted, history, users, items)

    def _unshrunk(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        rows = self._rows(history.by_user())
        factors = self._users(rows)
        factors[np.diff(rows[0]) == 0] = self._mean_user
        mapped = np.einsum("nk,nk->n", factors[users], self._items[items])
        share = (mapped - _LOW) / (_HIGH - _LOW)
        predicted: NDArray[np.float32] = self._low + self._width * share
        return predicted

    def _users(self, rows: Rows) -> Vectors:
        shape = len(rows[0]) - 1, self._options.n_factors
        users = np.full(shape, self._typical((_LOW + _HIGH) / 2), np.float32)
        penalty = np.float32(self._options.weight_decay)
        for _ in range(self._options.n_user_updates):
            kernels.multiply(*rows, users, self._items, penalty)
        return users

    def _typical(self, rating: float) -> float:
        """Return the factor that, if all are equal, predicts *rating*."""
        return float(np.sqrt(rating / self._options.n_factors))

    def _rows(self, grouped: Grouped) -> Rows:
        mapped = _LOW + (_HIGH - _LOW) * (grouped.values - self._low) / self._width
        return (
            grouped.offsets.astype(np.int64),
            grouped.indices.astype(np.int32),
            np.maximum(mapped, 0).astype(np.float32),
        )


def _scale_of(train: Ratings) -> RatingScale:
    """Return the scale of ratings, wide enough for all of them."""
    low, high = float(train.values.min()), float(train.values.max())
    return RatingScale(min(low, train.scale.low), max(high, train.scale.high))

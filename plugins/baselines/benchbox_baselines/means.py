"""Means: the mean rating overall, per user and per item."""

import numpy as np
from numpy.typing import NDArray

from benchbox import FitContext, Options, Ratings
from benchbox.models import State


class GlobalMean:
    """The mean of all training ratings, for every pair."""

    def __init__(self, options: Options) -> None:
        self._mean = 0.0
        self.n_parameters = 1

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Compute the mean of *train*."""
        self._mean = _mean(train)

    def state(self) -> State:
        """Return the global mean."""
        return {"mean": self._mean}

    def restore(self, state: State) -> None:
        """Restore the global mean."""
        self._mean = float(state["mean"])

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the same mean for every pair."""
        return np.full(len(users), self._mean, dtype=np.float32)


class UserMean:
    """The undamped mean of a user's ratings; the global mean if there are none."""

    def __init__(self, options: Options) -> None:
        self._mean = 0.0
        self.n_parameters = 1

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Compute the global mean; users' means come from their history later."""
        self._mean = _mean(train)

    def state(self) -> State:
        """Return the global mean."""
        return {"mean": self._mean}

    def restore(self, state: State) -> None:
        """Restore the global mean."""
        self._mean = float(state["mean"])

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return each user's mean in *history*, whether trained on or not."""
        means = _means(history.values, history.users, history.n_users, self._mean)
        return means[users]


class ItemMean:
    """The undamped mean of an item's ratings; the global mean if there are none."""

    def __init__(self, options: Options) -> None:
        self._means = np.zeros(0, dtype=np.float32)

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Compute the mean of each item in *train*."""
        self._means = _means(train.values, train.items, train.n_items, _mean(train))
        self.n_parameters = len(self._means)

    def state(self) -> State:
        """Return the mean of each item, shape ``(n_items,)``."""
        return {"means": self._means}

    def restore(self, state: State) -> None:
        """Restore the mean of each item."""
        self._means = state["means"]

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the mean training rating of each item."""
        return self._means[items]


def _mean(ratings: Ratings) -> float:
    return float(ratings.values.mean(dtype=np.float64))


def _means(
    values: NDArray[np.float32],
    groups: NDArray[np.int32],
    n_groups: int,
    otherwise: float,
) -> NDArray[np.float32]:
    sums = np.bincount(groups, weights=values, minlength=n_groups)
    counts = np.bincount(groups, minlength=n_groups)
    means = np.full(n_groups, otherwise)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means.astype(np.float32)

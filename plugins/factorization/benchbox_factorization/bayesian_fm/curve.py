"""The validation error along the chain, and the sweep at which it is lowest."""

from collections.abc import Callable

import numpy as np

from benchbox import FitContext, Ratings
from benchbox_factorization.population import Floats


class Curve:
    """The validation error of the samples so far, if there are validation ratings.

    Attributes:
        rmse: That error; `None` without validation ratings.
        n_best: Number of samples with which it was lowest; 0 without any.
        best_means: Predictions of the validation ratings with these, unclipped.
    """

    def __init__(self, context: FitContext) -> None:
        self._context = context
        self._total: Floats = np.zeros(0)
        self.rmse: float | None = None
        self.n_best = 0
        self.best_means = np.empty(0, np.float32)
        self._lowest = np.inf

    def add(self, place: int, means: Callable[[Ratings, Ratings], Floats]) -> None:
        """Add a sample.

        Args:
            place: Number of samples before it.
            means: Returns its predictions, given a history and the pairs asked for.
        """
        hidden, history = self._context.validation, self._context.validation_history
        if hidden is None or history is None or not len(hidden):
            return
        predicted = means(history, hidden)
        self._total = predicted if place == 0 else self._total + predicted
        so_far = (self._total / (place + 1)).astype(np.float32)
        self.rmse = self._context.validation_error(lambda *_: so_far)
        if self.rmse is not None and self.rmse < self._lowest:
            self._lowest, self.n_best, self.best_means = self.rmse, place + 1, so_far

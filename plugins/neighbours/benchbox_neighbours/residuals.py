"""What the models that predict residuals of the bias model share."""

import numpy as np
from numpy.typing import NDArray

from benchbox import FitContext, Ratings
from benchbox.models import (
    Shrinkage,
    State,
    fit_shrinkage,
    nested,
    part,
    rehearse,
)
from benchbox.models.training import Centre, fit_centre
from benchbox_neighbours.rows import Rows, rows_of


class ResidualModel:
    """Predicts ``b_ui`` of the bias model plus a mean of residuals.

    Residuals are divided by their standard deviation, so that options suit every rating
    scale. Offsets and residuals of users come from their history.
    """

    def __init__(self) -> None:
        self._centre: Centre
        self._shrinkage = Shrinkage()
        self._n_threads = 1

    def prepare(self) -> None:
        """Compile the loops, by a fit to a few ratings."""
        rehearse(self)

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Fit the bias model, and learn from its residuals."""
        self._n_threads = context.n_threads
        self._centre = fit_centre(train, "bias")
        rest = self._centre.scaled(train)
        self._learn(rows_of(train.by_user(), rest), rows_of(train.by_item(), rest))
        error = context.validation_error(self._unshrunk)
        if error is not None:
            context.report(1, 1, validation_rmse=error)
        self._shrinkage = fit_shrinkage(
            train, context, self._unshrunk, self._shrinkage, bias=self._centre.model
        )

    def state(self) -> State:
        """Return the bias model, and what was learned from its residuals."""
        return {
            **nested("centre", self._centre.state),
            **nested("shrinkage", self._shrinkage.state),
            **self._learned(),
        }

    def restore(self, state: State) -> None:
        """Restore what `state` returned."""
        self._centre = Centre.from_state(part(state, "centre"))
        self._shrinkage = Shrinkage.from_state(part(state, "shrinkage"))
        self._relearn(state)

    @property
    def n_parameters(self) -> int:
        """Number of values that are stored, without indexes."""
        return sum(
            np.size(value)
            for name, value in self.state().items()
            if name.rpartition(".")[2] not in ("offsets", "columns")
        )

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the bias model's predictions plus means of residuals."""
        predicted = self._unshrunk(history, users, items)
        return self._shrinkage.shrunk(predicted, history, users, items)

    def _unshrunk(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        rated = rows_of(history.by_user(), self._centre.scaled(history))
        means = self._means(rated, users, items)
        return self._centre.restored(means, self._centre.of(history, users, items))

    def _learn(self, users: Rows, items: Rows) -> None:
        raise NotImplementedError

    def _learned(self) -> State:
        raise NotImplementedError

    def _relearn(self, state: State) -> None:
        raise NotImplementedError

    def _means(
        self, rated: Rows, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        raise NotImplementedError

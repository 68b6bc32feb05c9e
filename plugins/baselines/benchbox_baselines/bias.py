"""The bias model as a contestant: benchbox's own reference line, with options."""

import numpy as np
from numpy.typing import NDArray

from benchbox import FitContext, Ratings
from benchbox.models import BiasModel, State, fit_bias_model
from benchbox_baselines.options import BiasOptions


class Bias:
    """Global mean plus a damped offset per user and per item (Koren, 2009)."""

    def __init__(self, options: BiasOptions) -> None:
        self._options = options
        self._model: BiasModel

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Solve the offsets of both sides in turn."""
        self._model = fit_bias_model(
            train,
            user_damping=self._options.user_damping,
            item_damping=self._options.item_damping,
            n_sweeps=self._options.n_sweeps,
        )

    def state(self) -> State:
        """Return the bias model."""
        return self._model.state

    def restore(self, state: State) -> None:
        """Take the bias model."""
        self._model = BiasModel.from_state(state)

    @property
    def n_parameters(self) -> int:
        """The mean and an offset per user and item."""
        return 1 + self._model.user_bias.size + self._model.item_bias.size

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return mean plus offsets, the user's taken from *history*.

        Users are solved last in `fit`, so with the training ratings as history this
        equals the fitted model.
        """
        user_bias = self._model.user_bias_from(history)
        total = self._model.mean + user_bias[users] + self._model.item_bias[items]
        return total.astype(np.float32)

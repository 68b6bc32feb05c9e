"""The bias model of benchbox as a model with options."""

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
        """Fit the offsets of users and items in turn."""
        self._model = fit_bias_model(
            train,
            user_damping=self._options.user_damping,
            item_damping=self._options.item_damping,
            n_sweeps=self._options.n_sweeps,
        )

    def state(self) -> State:
        """Return the state of the bias model."""
        return self._model.state

    def restore(self, state: State) -> None:
        """Restore the bias model."""
        self._model = BiasModel.from_state(state)

    @property
    def n_parameters(self) -> int:
        """One mean, and one offset per user and item."""
        return 1 + self._model.user_bias.size + self._model.item_bias.size

    def predict(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the mean plus offsets; users' offsets are computed from *history*.

        `fit` computes users' offsets last, so if *history* is the training ratings,
        these are the fitted ones.
        """
        return self._model.predict_from(history, users, items).astype(np.float32)

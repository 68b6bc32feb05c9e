"""Standardising: what ratings lose before a model sees them, and get back later."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.parallel import fill, long_slices
from benchbox.models.bias import BiasModel, fit_bias_model
from benchbox.models.state import State
from benchbox.models.training.options import Centring
from benchbox.ratings import Ratings


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Centre:
    """The centre of each pair (a bias model, its mean, or 0) and the spread around it.

    Attributes:
        model: Bias model that predicts the centre of a pair.
        spread: Standard deviation of the training ratings around their centres, or 1
            if nothing is subtracted. Because ratings are divided by it, learning rates,
            penalties and priors suit every rating scale.
    """

    model: BiasModel
    spread: float

    @property
    def state(self) -> State:
        """The fitted values, to be saved."""
        return {**self.model.state, "spread": self.spread}

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Return the centre that was saved as *state*."""
        model = BiasModel.from_state(state)
        return cls(model=model, spread=float(state["spread"]))

    def of(
        self, history: Ratings, users: NDArray[np.int32], items: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Return the centre of each pair, with users' offsets from *history*.

        Args:
            history: Visible ratings of the users.
            users: User index per pair, shape ``(n,)``.
            items: Item index per pair, shape ``(n,)``.

        Returns:
            In units of the rating, shape ``(n,)``.
        """
        if not self.model.user_bias.any():
            return self.model.mean + self.model.item_bias[items]
        return self.model.predict_from(history, users, items)

    def scaled(self, ratings: Ratings) -> NDArray[np.float32]:
        """Return centred, scaled ratings, with users' offsets from these ratings.

        The result, of shape ``(n,)``, is mapped from a temporary file if it is large.
        """
        offsets, model = np.zeros(ratings.n_users), self.model
        if model.user_bias.any():
            offsets = model.user_bias_from(ratings)
        scaled: NDArray[np.float32] = mapped.empty(len(ratings), np.float32)

        def scale(part: slice) -> NDArray[np.float64]:
            centres = model.mean + offsets[ratings.users[part]]
            centres += model.item_bias[ratings.items[part]]
            return (ratings.values[part] - centres) / self.spread

        fill(scaled, scale)
        return scaled

    def restored(
        self, scaled: NDArray[np.floating[Any]], centres: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Return *scaled* values as ratings around *centres*; inverts `scaled`.

        Args:
            scaled: Values in units of the spread, shape ``(n,)``.
            centres: Centre of each, in units of the rating, shape ``(n,)``.
        """
        return (centres + self.spread * scaled).astype(np.float32)


def fit_centre(train: Ratings, kind: Centring) -> Centre:
    """Return the centre of *train*, of the given *kind*."""
    if kind == "bias":
        model = fit_bias_model(train)
    else:
        model = BiasModel(
            mean=float(train.values.mean(dtype=np.float64)) if kind == "mean" else 0.0,
            user_bias=np.zeros(train.n_users),
            item_bias=np.zeros(train.n_items),
            user_damping=0.0,
            item_damping=0.0,
        )
    if kind == "none":
        # Published settings of models without centring are for raw ratings.
        return Centre(model=model, spread=1.0)
    squares = 0.0
    for part in long_slices(len(train)):
        rest = train.values[part] - model.predict(train.users[part], train.items[part])
        squares += float(np.sum(np.square(rest), dtype=np.float64))
    spread = float(np.sqrt(squares / len(train)))
    # If all ratings are alike, there is nothing to scale by.
    return Centre(model=model, spread=spread or 1.0)

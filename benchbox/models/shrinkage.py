"""Shrinkage: pulls a model's predictions towards the bias model's, as validation asks.

Where ratings are few, a model with many parameters can end behind the bias model. How
far its predictions may move away from the bias model's is one number, and a few
validation ratings suffice to fit it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchbox.models.bias import BiasModel, fit_bias_model
from benchbox.models.contract import FitContext
from benchbox.models.state import State, nested, part
from benchbox.ratings import IndexArray, Ratings, Values

Predict = Callable[[Ratings, IndexArray, IndexArray], Values]
"""Predicts pairs of users and items from a history, as `RatingModel.predict` does."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Shrinkage:
    """``bias model + share * (prediction - bias model)``.

    Attributes:
        share: Share of the distance from the bias model that is kept, from 0 to 1.
        bias: The bias model; `None` if predictions stay as they are.
    """

    share: float = 1.0
    bias: BiasModel | None = None

    @property
    def state(self) -> State:
        """The fitted values, to be saved."""
        if self.bias is None:
            return {}
        return {"share": self.share, **nested("bias", self.bias.state)}

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Return the shrinkage that was saved as *state*."""
        if not state:
            return cls()
        bias = BiasModel.from_state(part(state, "bias"))
        return cls(share=float(state["share"]), bias=bias)

    @property
    def n_parameters(self) -> int:
        """The share, and the bias model's mean and item offsets, if there are any."""
        return 0 if self.bias is None else 2 + self.bias.item_bias.size

    def shrunk(
        self,
        predicted: Values,
        history: Ratings,
        users: IndexArray,
        items: IndexArray,
    ) -> Values:
        """Return *predicted*, pulled to the bias model's.

        Args:
            predicted: Prediction per pair, shape ``(n,)``.
            history: Visible ratings of the users.
            users: User index per pair, shape ``(n,)``.
            items: Item index per pair, shape ``(n,)``.
        """
        if self.bias is None:
            return predicted
        centres = self.bias.predict_from(history, users, items)
        return (centres + self.share * (predicted - centres)).astype(np.float32)

    def on(self, train: Ratings, bias: BiasModel | None = None) -> Self:
        """Return the same shrinkage, towards the bias model of *train*.

        Args:
            train: The training ratings.
            bias: Their bias model, if it is known already.
        """
        if self.bias is None:
            return self
        return replace(self, bias=bias or fit_bias_model(train))


def fit_shrinkage(
    train: Ratings,
    context: FitContext,
    predict: Predict,
    before: Shrinkage,
    *,
    bias: BiasModel | None = None,
) -> Shrinkage:
    """Return how to shrink the predictions of a model that is fitted to *train*.

    Args:
        train: The training ratings.
        context: Gives the validation ratings. Without any, nothing is shrunk; but a
            refit keeps the share of the fit before it.
        predict: Predicts as the fitted model does without shrinkage.
        before: The shrinkage of the fit before.
        bias: The bias model of *train*, if it is known already.
    """
    if context.epochs is not None:
        return before.on(train, bias)
    hidden, history = context.validation, context.validation_history
    if hidden is None or history is None or not len(hidden):
        return Shrinkage()
    bias = bias or fit_bias_model(train)
    centres = bias.predict_from(history, hidden.users, hidden.items)
    moved = predict(history, hidden.users, hidden.items) - centres
    share = kept_share(moved, hidden.values - centres)
    context.note("distance kept from the bias model", f"{share:.2f}")
    # Without a pull, predictions keep all their digits.
    return Shrinkage() if share == 1 else Shrinkage(share=share, bias=bias)


def kept_share(moved: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    """Return the share of *moved* that explains *wanted*, from 0 to 1.

    It is the slope of a regression through 0, at most 1, and shrunk by its own
    uncertainty: with a slope of *t* standard errors, by a factor of ``1 - 2 / t^2``. A
    slope that the Akaike information criterion would drop, because ``t^2 < 2``, is 0.

    Args:
        moved: How far predictions are from the bias model's, shape ``(n,)``.
        wanted: How far ratings are from them, shape ``(n,)``.
    """
    size, along = float(moved @ moved), float(moved @ wanted)
    if size == 0:
        return 1.0
    if along <= 0:
        return 0.0
    slope = along / size
    rest = wanted - slope * moved
    variance = float(rest @ rest) / max(1, len(rest) - 1) / size
    return min(1.0, slope) * max(0.0, 1 - 2 * variance / slope**2)

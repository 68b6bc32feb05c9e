"""Damped mean: the mean rating plus damped offsets of items and users."""

from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from benchbox import (
    Capabilities,
    FitContext,
    IndexArray,
    ModelSpec,
    Options,
    Ratings,
    Values,
    hookimpl,
)


class DampedMeanOptions(Options, frozen=True):
    """Options of `damped-mean`.

    Attributes:
        damping: Number of pseudo-ratings that pull an offset towards 0.
    """

    damping: Annotated[float, Meta(gt=0)] = 5.0


class DampedMean:
    """The mean rating plus an offset per item and, from the history, per user."""

    def __init__(self, options: DampedMeanOptions) -> None:
        self._damping = options.damping

    def fit(self, train: Ratings, context: FitContext) -> None:
        """Compute the mean and the offset of each item."""
        self._mean = float(train.values.mean())
        above = train.values - self._mean
        self._offsets = self._damped(train.items, above, train.n_items)
        self.n_parameters = 1 + train.n_items

    def predict(self, history: Ratings, users: IndexArray, items: IndexArray) -> Values:
        """Return a rating per pair; works for users who were not trained on."""
        above = history.values - self._mean - self._offsets[history.items]
        of_users = self._damped(history.users, above, history.n_users)
        return np.float32(self._mean) + self._offsets[items] + of_users[users]

    def state(self) -> dict[str, Any]:
        """Return what was learned, so that `benchbox fit` can save it."""
        return {"mean": self._mean, "offsets": self._offsets}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore what `state` returned."""
        self._mean, self._offsets = float(state["mean"]), state["offsets"]

    def _damped(self, of: IndexArray, above: Values, n: int) -> Values:
        sums = np.bincount(of, weights=above, minlength=n)
        damped = sums / (np.bincount(of, minlength=n) + self._damping)
        return damped.astype(np.float32)


@hookimpl
def benchbox_models() -> list[ModelSpec]:
    """Offer the model. Every command calls this, so keep imports in this file fast."""
    return [
        ModelSpec(
            name="damped-mean",
            target="benchbox_damped_mean:DampedMean",
            summary="mean plus damped offsets of items and users",
            options=DampedMeanOptions,
            capabilities=Capabilities(stochastic=False, inductive=True),
            cost_hint=0.01,
        )
    ]

"""Input and output of metrics: predictions with hidden ratings, and a score."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchbox.errors import DataError
from benchbox.metrics.distribution import Distribution
from benchbox.ratings import IndexArray, Ratings, RatingScale, Values, read_only

Floats = NDArray[np.float64]
"""Numbers, float64."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scored:
    """Predictions and hidden ratings of a fold, pair by pair.

    Attributes:
        predicted: Predictions, clipped if the run clips, shape ``(n,)``.
        actual: Hidden ratings, shape ``(n,)``.
        users: User index per pair, shape ``(n,)``.
        items: Item index per pair, shape ``(n,)``.
        n_items: Number of items in the data set; `None` if not needed.
        distribution: Predicted distribution per pair, clipped if the run clips; `None`
            if the model predicts none.
        scale: Rating scale; `None` if not needed.

    Raises:
        DataError: The arrays differ in shape, or are empty.
    """

    predicted: Values
    actual: Values
    users: IndexArray
    items: IndexArray
    n_items: int | None = None
    distribution: Distribution | None = None
    scale: RatingScale | None = None

    @classmethod
    def of(
        cls,
        hidden: Ratings,
        predicted: Values,
        distribution: Distribution | None = None,
        *,
        clips: bool,
    ) -> Self:
        """Return hidden ratings with what a model predicts of them, all read-only.

        Args:
            hidden: The hidden ratings.
            predicted: Prediction per hidden rating, shape ``(n,)``.
            distribution: Distribution per hidden rating; `None` if there is none.
            clips: Whether to clip predictions and distributions to the rating scale.
        """
        scale = hidden.scale
        if clips:
            predicted = scale.clip(predicted)
            if distribution is not None:
                distribution = distribution.clipped(scale.low, scale.high)
        return cls(
            predicted=read_only(predicted),
            actual=read_only(hidden.values),
            users=read_only(hidden.users),
            items=read_only(hidden.items),
            n_items=hidden.n_items,
            distribution=distribution,
            scale=scale,
        )

    def __post_init__(self) -> None:
        shapes = {
            c.shape for c in (self.predicted, self.actual, self.users, self.items)
        }
        if len(shapes) != 1 or len(self.actual.shape) != 1:
            raise DataError(f"Scored columns must share one shape (n,), not {shapes}.")
        if not len(self.actual):
            raise DataError("There are no hidden ratings to score: the fold is empty.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The value of one metric, and the number of ratings behind it.

    Attributes:
        value: Value in the metric's unit; `None` if no rating could be scored.
        n_scored: Number of hidden ratings in the value.
        n_excluded: Number of hidden ratings that the definition leaves out.
    """

    value: float | None
    n_scored: int
    n_excluded: int = 0

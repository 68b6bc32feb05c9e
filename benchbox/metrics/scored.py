"""Scored: predictions beside the truth, and what a metric makes of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchbox.errors import DataError
from benchbox.ratings import IndexArray, Values

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scored:
    """Predictions of a fold's hidden ratings beside the truth, pair by pair.

    Attributes:
        predicted: What the table scores (clipped where the run clips), ``(n,)``.
        actual: The hidden ratings, shape ``(n,)``.
        users: User index per pair, shape ``(n,)``.
        items: Item index per pair, shape ``(n,)``.
        n_items: Size of the item index; `None` where it does not matter.

    Raises:
        DataError: The columns disagree in length, or there are none to score.
    """

    predicted: Values
    actual: Values
    users: IndexArray
    items: IndexArray
    n_items: int | None = None

    def __post_init__(self) -> None:
        shapes = {
            c.shape for c in (self.predicted, self.actual, self.users, self.items)
        }
        if len(shapes) != 1 or len(self.actual.shape) != 1:
            raise DataError(f"Scored columns must share one shape (n,), not {shapes}.")
        if not len(self.actual):
            raise DataError("There is no hidden rating to score: the fold is empty.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The value of one metric, and over how many ratings it was taken.

    Attributes:
        value: The value in the metric's unit; `None` if no rating could be scored.
        n_scored: Hidden ratings that entered the value.
        n_excluded: Hidden ratings the definition leaves out.
    """

    value: float | None
    n_scored: int
    n_excluded: int = 0

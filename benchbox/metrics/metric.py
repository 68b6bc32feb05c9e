"""Metrics: pure functions of predictions and truth, and their definitions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from benchbox.errors import DataError
from benchbox.ratings import IndexArray, Values

# Large enough to hide NumPy's call overhead, small enough to stay in the L2 cache.
_CHUNK = 1 << 15

# More, where each part ends with a sum over all users.
_PART = 1 << 20


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric and its definition, which travel together.

    Attributes:
        name: Name on the command line and in records, kebab-case.
        title: Heading of its column.
        unit: ``"rating"`` (the unit of the ratings) or ``"fraction"``.
        higher_is_better: Direction; errors are better when lower.
        pooling: What one term of the mean is: a rating, a user or an item.
        definition: The formula, in one line of text.
        function: Computes it.
        flaw: Why it says little of prediction; then it is computed, with a warning,
            under flawed protocols alone. Empty for honest metrics.
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool
    pooling: str
    definition: str
    function: Callable[[Scored], Score]
    flaw: str = ""


def rmse(scored: Scored) -> Score:
    """Root mean squared error over all hidden ratings, pooled, lower is better."""
    n = len(scored.actual)
    return Score(value=sqrt(sum(_sum_squares(scored)) / n), n_scored=n)


def mae(scored: Scored) -> Score:
    """Mean absolute error over all hidden ratings, pooled, lower is better."""
    total = sum(float(np.abs(error).sum()) for error, _ in _errors(scored))
    n = len(scored.actual)
    return Score(value=total / n, n_scored=n)


def mape(scored: Scored) -> Score:
    """Mean absolute error relative to the rating's size, as a fraction, pooled.

    Hidden ratings of 0 have no relative error: they are left out and counted.
    On a scale with ratings near 0 a few terms decide the mean.
    """
    total, n_scored = 0.0, 0
    for error, actual in _errors(scored):
        known = actual != 0
        relative = np.abs(error[known] / actual[known])
        total += float(relative.sum())
        n_scored += len(relative)
    return Score(
        value=total / n_scored if n_scored else None,
        n_scored=n_scored,
        n_excluded=len(scored.actual) - n_scored,
    )


def rmse_by_user(scored: Scored) -> Score:
    """Mean over users of each user's own RMSE: users count alike, ratings do not."""
    return _mean_of_own(scored, scored.users)


def rmse_by_item(scored: Scored) -> Score:
    """Mean over items of each item's own RMSE: items count alike, ratings do not."""
    return _mean_of_own(scored, scored.items)


METRICS = (
    Metric(
        name="rmse",
        title="RMSE",
        unit="rating",
        higher_is_better=False,
        pooling="rating",
        definition="sqrt(mean((p - r)^2)) over a fold's hidden ratings",
        function=rmse,
    ),
    Metric(
        name="mae",
        title="MAE",
        unit="rating",
        higher_is_better=False,
        pooling="rating",
        definition="mean(|p - r|) over a fold's hidden ratings",
        function=mae,
    ),
    Metric(
        name="mape",
        title="MAPE",
        unit="fraction",
        higher_is_better=False,
        pooling="rating",
        definition="mean(|p - r| / |r|) over a fold's hidden ratings other than 0",
        function=mape,
    ),
    Metric(
        name="rmse-by-user",
        title="RMSE by user",
        unit="rating",
        higher_is_better=False,
        pooling="user",
        definition="mean over users of sqrt(mean((p - r)^2)) of their hidden ratings",
        function=rmse_by_user,
    ),
    Metric(
        name="rmse-by-item",
        title="RMSE by item",
        unit="rating",
        higher_is_better=False,
        pooling="item",
        definition="mean over items of sqrt(mean((p - r)^2)) of their hidden ratings",
        function=rmse_by_item,
    ),
)
"""The metrics benchbox brings, in the order of their columns."""


def _errors(
    scored: Scored,
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield errors and truths chunk by chunk in float64.

    A running float32 sum is 4 % off after 20 million ratings.
    """
    for start in range(0, len(scored.actual), _CHUNK):
        actual = scored.actual[start : start + _CHUNK].astype(np.float64)
        yield scored.predicted[start : start + _CHUNK] - actual, actual


def _sum_squares(scored: Scored) -> Iterator[float]:
    for error, _ in _errors(scored):
        # Not a BLAS dot product: its sum may depend on the number of threads.
        yield float(np.square(error).sum())


def _mean_of_own(scored: Scored, groups: IndexArray) -> Score:
    """Return the mean over *groups*, an index per pair, of the RMSE within each."""
    n_groups = int(groups.max()) + 1
    counts, sums = np.zeros(n_groups, dtype=np.int64), np.zeros(n_groups)
    for start in range(0, len(groups), _PART):
        part = slice(start, start + _PART)
        error = scored.predicted[part] - scored.actual[part].astype(np.float64)
        members = groups[part].astype(np.int64)
        counts += np.bincount(members, minlength=n_groups)
        sums += np.bincount(members, np.square(error), n_groups)
    seen = counts > 0
    return Score(
        value=float(np.sqrt(sums[seen] / counts[seen]).mean()),
        n_scored=len(scored.actual),
    )

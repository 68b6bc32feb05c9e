"""Metrics: pure functions of predictions and truth, and their definitions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np

from benchbox.errors import PluginError
from benchbox.metrics.scored import Floats, Score, Scored
from benchbox.metrics.term import Term
from benchbox.ratings import IndexArray

# Large enough to hide NumPy's call overhead, small enough to stay in the L2 cache.
_CHUNK = 1 << 15

# More, where each part ends with a sum over all users.
_PART = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric and its definition, which travel together.

    Everything that is computed, shown or judged of a metric comes from this record:
    its column in tables, its interval over users, its slices and its comparisons.

    Attributes:
        name: Name on the command line and in records, kebab-case.
        title: Heading of its column.
        unit: ``"rating"`` (the unit of the ratings), ``"fraction"`` (shown as per
            cent), or the name of another unit.
        higher_is_better: Direction; errors are better when lower.
        pooling: What one term of the mean is: a rating, a user or an item.
        definition: The formula, in one line of text.
        function: Computes it; unless given, it is the mean of *term*.
        flaw: Why it says little of prediction; then it is computed, with a warning,
            under flawed protocols alone. Empty for honest metrics.
        term: What it takes the mean of, if it is a mean over ratings. Without one it
            has neither intervals over users nor slices, and is compared by its values
            on each fold.

    Raises:
        PluginError: It has neither a function nor a term, or has a term and pools
            something other than ratings.
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool
    pooling: str
    definition: str
    # Every metric has one once it is built.
    function: Callable[[Scored], Score] = None  # type: ignore[assignment]
    flaw: str = ""
    term: Term | None = None

    def __post_init__(self) -> None:
        if self.term is not None and self.pooling != "rating":
            raise PluginError(
                f"Metric {self.name!r} pools by {self.pooling}, but a term is of one "
                f"rating. State pooling='rating', or leave the term out."
            )
        # A copy with another term must not keep the function of the former.
        if self.function is None or _is_made_from_a_term(self.function):
            if self.term is None:
                raise PluginError(
                    f"Metric {self.name!r} has neither a function nor a term. State "
                    f"one of them, to compute it by."
                )
            object.__setattr__(self, "function", self.term.score)


def _is_made_from_a_term(function: Callable[[Scored], Score]) -> bool:
    """Return whether a metric's function is the mean of a term."""
    return getattr(function, "__func__", None) is Term.score


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


def _squared(predicted: Floats, actual: Floats) -> Floats:
    error = predicted - actual
    return error * error


def _absolute(predicted: Floats, actual: Floats) -> Floats:
    return np.abs(predicted - actual)


def _relative(predicted: Floats, actual: Floats) -> Floats:
    return np.abs(predicted - actual) / np.abs(actual)


RMSE = Metric(
    name="rmse",
    title="RMSE",
    unit="rating",
    higher_is_better=False,
    pooling="rating",
    definition="sqrt(mean((p - r)^2)) over a fold's hidden ratings",
    function=rmse,
    term=Term(of=_squared, power=0.5),
)
MAE = Metric(
    name="mae",
    title="MAE",
    unit="rating",
    higher_is_better=False,
    pooling="rating",
    definition="mean(|p - r|) over a fold's hidden ratings",
    function=mae,
    term=Term(of=_absolute),
)
MAPE = Metric(
    name="mape",
    title="MAPE",
    unit="fraction",
    higher_is_better=False,
    pooling="rating",
    definition="mean(|p - r| / |r|) over a fold's hidden ratings other than 0",
    function=mape,
    term=Term(of=_relative, includes=lambda actual: actual != 0),
)
RMSE_BY_USER = Metric(
    name="rmse-by-user",
    title="RMSE by user",
    unit="rating",
    higher_is_better=False,
    pooling="user",
    definition="mean over users of sqrt(mean((p - r)^2)) of their hidden ratings",
    function=rmse_by_user,
)
RMSE_BY_ITEM = Metric(
    name="rmse-by-item",
    title="RMSE by item",
    unit="rating",
    higher_is_better=False,
    pooling="item",
    definition="mean over items of sqrt(mean((p - r)^2)) of their hidden ratings",
    function=rmse_by_item,
)

METRICS = (RMSE, MAE, MAPE, RMSE_BY_USER, RMSE_BY_ITEM)
"""The metrics benchbox brings, in the order of their columns."""


def _errors(scored: Scored) -> Iterator[tuple[Floats, Floats]]:
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

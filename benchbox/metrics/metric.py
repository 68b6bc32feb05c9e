"""The `Metric` record and the built-in metrics."""

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

# A larger chunk where each one ends with a sum over all users or items.
_PART = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric, with its definition.

    This record decides everything about a metric: its column in tables, its interval
    over users, its slices and how models are compared by it.

    Attributes:
        name: Name on the command line and in records, kebab-case.
        title: Column heading.
        unit: ``"rating"`` (the unit of the ratings), ``"fraction"`` (shown as a
            percentage), or the name of another unit.
        higher_is_better: Direction of improvement; false for errors.
        pooling: What the metric averages over: ``"rating"``, ``"user"`` or ``"item"``.
        definition: The formula, as one line of text.
        function: Computes the metric; by default, the mean of *term*.
        flaw: Why the metric does not measure prediction quality; empty if it does. A
            flawed metric is only computed under flawed protocols, with a warning.
        term: Contribution of one rating, if the metric is a mean over ratings. Without
            it, the metric has no intervals over users and no slices, and models are
            compared by its values on each fold.
        needs_distribution: Whether it scores predicted distributions,
            `Scored.distribution`. It is left blank for models that predict none.
        target: The best value, if neither higher nor lower values are better; `None`
            for all other metrics.

    Raises:
        PluginError: The metric has neither a function nor a term, or has a term but
            averages over something other than ratings, or scores distributions, of
            which a term is not told.
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool
    pooling: str
    definition: str
    # Never None after __post_init__.
    function: Callable[[Scored], Score] = None  # type: ignore[assignment]
    flaw: str = ""
    term: Term | None = None
    needs_distribution: bool = False
    target: float | None = None

    def __post_init__(self) -> None:
        if self.term is not None and self.pooling != "rating":
            raise PluginError(
                f"Metric {self.name!r} pools by {self.pooling}, but a term belongs to "
                f"one rating. State pooling='rating', or leave the term out."
            )
        if self.term is not None and self.needs_distribution:
            raise PluginError(
                f"Metric {self.name!r} scores distributions, but a term is only given "
                f"predictions. State a function instead."
            )
        # A copy with another term must not use the function of the old term.
        if self.function is None or _is_made_from_a_term(self.function):
            if self.term is None:
                raise PluginError(
                    f"Metric {self.name!r} has neither a function nor a term to "
                    f"compute it from. State one of them."
                )
            object.__setattr__(self, "function", self.term.score)


def _is_made_from_a_term(function: Callable[[Scored], Score]) -> bool:
    """Return whether a metric's function is `Term.score`."""
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
    """Mean absolute error divided by the absolute rating, as a fraction, pooled.

    Hidden ratings of 0 have no relative error; they are left out and counted as such.
    If the scale has ratings near 0, a few of them dominate the mean.
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
    """Mean of the users' RMSE, with equal weight for each user."""
    return _mean_by_group(scored, scored.users)


def rmse_by_item(scored: Scored) -> Score:
    """Mean of the items' RMSE, with equal weight for each item."""
    return _mean_by_group(scored, scored.items)


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
"""The built-in metrics, in the order of their columns."""


def _errors(scored: Scored) -> Iterator[tuple[Floats, Floats]]:
    """Yield errors and hidden ratings in chunks of float64.

    A running float32 sum would be off by 4 % after 20 million ratings.
    """
    for start in range(0, len(scored.actual), _CHUNK):
        actual = scored.actual[start : start + _CHUNK].astype(np.float64)
        yield scored.predicted[start : start + _CHUNK] - actual, actual


def _sum_squares(scored: Scored) -> Iterator[float]:
    for error, _ in _errors(scored):
        # Not a BLAS dot product: its sum may depend on the number of threads.
        yield float(np.square(error).sum())


def _mean_by_group(scored: Scored, groups: IndexArray) -> Score:
    """Return the mean of the groups' RMSE; *groups* has an index per pair."""
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

"""Computes metrics by slice of the hidden ratings, all slices in one pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays.grouping import tally
from benchbox.arrays.parallel import slices, total
from benchbox.metrics.metric import Metric
from benchbox.metrics.scored import Floats, Scored
from benchbox.metrics.totals import term_of
from benchbox.ratings import IndexArray, Ratings, RatingScale, Values

Labels = NDArray[np.uint8]

Dimension = Literal["activity", "popularity", "rating", "prediction"]
"""What hidden ratings are sliced by."""

DIMENSIONS: tuple[Dimension, ...] = ("activity", "popularity", "rating", "prediction")
"""What to slice by: the number of the user's visible ratings, the number of the item's
training ratings, the hidden rating, or the prediction."""

_QUARTERS = ("new", "1st quarter", "2nd quarter", "3rd quarter", "4th quarter")

_MOST_VALUES = 20
"""Up to this many rating values have a slice each; otherwise each tenth of the scale
has one."""

_TENTHS = 10

_N_PLAIN = 3
"""Figures before those of metrics: number of ratings, sums of predictions and ratings.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Some of the hidden ratings, and how well a model predicted them.

    Attributes:
        name: Name of the slice, such as ``"1st quarter"``.
        n: Number of ratings; the average over fits if there are several.
        values: Value over these ratings by metric name; `None` if no rating counts.
        mean_predicted: Mean prediction; `None` if the slice is empty.
        mean_actual: Mean rating; `None` if the slice is empty.
    """

    name: str
    n: float
    values: Mapping[str, float | None]
    mean_predicted: float | None
    mean_actual: float | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Slicing:
    """How to slice the hidden ratings of a fold; see `slicing`.

    Attributes:
        activity: Group per user, 0 for new users, shape ``(n_users,)``.
        popularity: Group per item, 0 for new items, shape ``(n_items,)``.
        scale: Rating scale.
    """

    activity: Labels
    popularity: Labels
    scale: RatingScale

    def sizes(self) -> tuple[int, ...]:
        """Return the number of slices in each of `DIMENSIONS`."""
        n_ratings = self.n_values or _TENTHS
        return len(_QUARTERS), len(_QUARTERS), n_ratings, _TENTHS

    @property
    def n_values(self) -> int | None:
        """Number of possible rating values; `None` if too many for a slice each."""
        scale = self.scale
        if not scale.step:
            return None
        n_values = round((scale.high - scale.low) / scale.step) + 1
        return n_values if n_values <= _MOST_VALUES else None

    def names(self, dimension: Dimension) -> list[str]:
        """Return the names of the slices by *dimension*, in order."""
        if dimension in ("activity", "popularity"):
            return list(_QUARTERS)
        low, high = self.scale.low, self.scale.high
        if dimension == "rating" and self.n_values:
            return [f"{value:g}" for value in np.linspace(low, high, self.n_values)]
        ends = np.linspace(low, high, _TENTHS + 1)
        return [f"{start:g}–{end:g}" for start, end in pairwise(ends)]

    def labels(self, scored: Scored, part: slice) -> tuple[NDArray[Any], ...]:
        """Return the slice number of each pair in *part*, one array per dimension."""
        actual, predicted = scored.actual[part], scored.predicted[part]
        return (
            self.activity[scored.users[part]],
            self.popularity[scored.items[part]],
            self._nearest(actual) if self.n_values else self._tenth(actual),
            self._tenth(predicted),
        )

    def _nearest(self, ratings: Values) -> Labels:
        step = self.scale.step or 1.0
        nearest: Labels = np.rint((ratings - self.scale.low) / step).astype(np.uint8)
        return nearest

    def _tenth(self, ratings: Values) -> Labels:
        """Return the tenth of the scale, or the nearest tenth for values off it."""
        place = (ratings - self.scale.low) * (
            _TENTHS / (self.scale.high - self.scale.low)
        )
        tenth: Labels = np.clip(place, 0, _TENTHS - 1).astype(np.uint8)
        return tenth


def slicing(visible_users: IndexArray, train_items: IndexArray, of: Ratings) -> Slicing:
    """Return how to slice a fold's hidden ratings.

    Users are grouped by their number of visible ratings: users without any, then
    quarters of the others, with equally many users each except for ties. Items are
    grouped in the same way by their number of training ratings.

    Args:
        visible_users: User index of each rating that `predict` may see, shape ``(n,)``.
        train_items: Item index of each training rating, shape ``(n_train,)``.
        of: Any ratings of the data set, for its sizes and its scale.
    """
    return Slicing(
        activity=quarters(tally(visible_users, of.n_users)),
        popularity=quarters(tally(train_items, of.n_items)),
        scale=of.scale,
    )


def quarters(counts: NDArray[np.int64]) -> Labels:
    """Return 0 for a count of 0, else the quarter, 1 to 4, of the counts above 0."""
    some = counts[counts > 0]
    if not len(some):
        return np.zeros(len(counts), dtype=np.uint8)
    edges = np.quantile(some, [0.25, 0.5, 0.75])
    # A count on an edge goes to the lower quarter, so equal counts stay together.
    quarter = 1 + np.searchsorted(edges, counts, side="left")
    return np.where(counts > 0, quarter, 0).astype(np.uint8)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Breakdown:
    """Sums over hidden ratings for each combination of slices.

    Attributes:
        names: Names of the slices in each of `DIMENSIONS`.
        metrics: The metrics, which all have a term.
        cells: Number of ratings, sum of predictions and sum of ratings, then the sum
            and number of terms of each metric, averaged over fits, shape
            ``(*n_slices, n_figures)``, float64.
    """

    names: tuple[list[str], ...]
    metrics: tuple[Metric, ...]
    cells: Floats

    def by(self, dimension: Dimension) -> list[Slice]:
        """Return all slices by *dimension*, including empty ones."""
        place = DIMENSIONS.index(dimension)
        others = tuple(k for k in range(len(DIMENSIONS)) if k != place)
        sums = self.cells.sum(axis=others)
        return [
            self._slice(name, row)
            for name, row in zip(self.names[place], sums.tolist(), strict=True)
        ]

    def all(self) -> Slice:
        """Return one slice with all hidden ratings."""
        sums = self.cells.sum(axis=tuple(range(len(DIMENSIONS))))
        return self._slice("all", sums.tolist())

    def _slice(self, name: str, figures: Sequence[float]) -> Slice:
        n, predicted, actual = figures[:_N_PLAIN]
        totals, counts = figures[_N_PLAIN::2], figures[_N_PLAIN + 1 :: 2]
        return Slice(
            name=name,
            n=n,
            values={
                metric.name: term_of(metric).value(total, count)
                for metric, total, count in zip(
                    self.metrics, totals, counts, strict=True
                )
            },
            mean_predicted=predicted / n if n else None,
            mean_actual=actual / n if n else None,
        )


def break_down(scored: Scored, by: Slicing, metrics: Sequence[Metric]) -> Breakdown:
    """Return the value of *metrics*, which all need a term, in every slice."""
    names = tuple(by.names(dimension) for dimension in DIMENSIONS)
    shape = by.sizes()

    def sums(part: slice) -> Floats:
        return _cell_sums(scored, by, metrics, part, shape)

    cells = total(sums, slices(len(scored.actual)), np.add)
    return Breakdown(
        names=names,
        metrics=tuple(metrics),
        cells=cells.T.reshape(*shape, len(cells)),
    )


def joined(fits: Sequence[Sequence[Breakdown]]) -> Breakdown:
    """Return the breakdown of one model over all folds, averaged over its fits.

    Args:
        fits: For each fold, the breakdown of each fit.
    """
    of_folds = [np.mean([fit.cells for fit in fold], axis=0) for fold in fits]
    first = fits[0][0]
    return Breakdown(
        names=first.names, metrics=first.metrics, cells=np.sum(of_folds, axis=0)
    )


def _cell_sums(
    scored: Scored,
    by: Slicing,
    metrics: Sequence[Metric],
    part: slice,
    shape: tuple[int, ...],
) -> Floats:
    """Return the sum of each figure in each cell, shape ``(n_figures, n_cells)``."""
    actual = scored.actual[part].astype(np.float64)
    predicted = scored.predicted[part].astype(np.float64)
    cell = np.zeros(len(actual), dtype=np.int64)
    for n, labels in zip(shape, by.labels(scored, part), strict=True):
        cell *= n
        cell += labels

    def in_cells(weights: NDArray[Any] | None) -> NDArray[Any]:
        return np.bincount(cell, weights, int(np.prod(shape)))

    n_ratings = in_cells(None)
    rows = [n_ratings, in_cells(predicted), in_cells(actual)]
    for term in map(term_of, metrics):
        rows.append(in_cells(term.terms(predicted, actual)))
        all_count = term.includes is None
        rows.append(n_ratings if all_count else in_cells(term.counted(actual)))
    return np.array(rows, dtype=np.float64)

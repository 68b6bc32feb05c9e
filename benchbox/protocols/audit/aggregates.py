"""Aggregates of ratings per user or item, with which the audit compares features."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays.parallel import total
from benchbox.protocols.audit.membership import Roles
from benchbox.protocols.partition import HIDDEN, HISTORY, TRAIN
from benchbox.ratings import Features, IndexArray, Ratings, Values

Column = NDArray[np.float64]
"""One number per user or per item, NaN if missing, shape ``(n,)``, float64."""

MAX_CATEGORIES = 32
"""A feature column with more distinct values than this is not categorical."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Aggregate:
    """A statistic of the ratings of each user or item, over three sets of ratings.

    Attributes:
        what: Name of the statistic, such as ``"the count of ratings"``.
        everything: The statistic over all ratings, shape ``(size,)``.
        visible: The statistic over visible ratings, shape ``(size,)``.
        hidden: The statistic over hidden ratings, shape ``(size,)``.
    """

    what: str
    everything: Column
    visible: Column
    hidden: Column


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Side:
    """One side of the ratings: the users or the items.

    Attributes:
        name: ``"user"`` or ``"item"``.
        index: Index on this side per rating, shape ``(n,)``.
        size: Number of users or items on this side.
        features: Feature columns of this side.
        others: Index on the other side per rating, shape ``(n,)``.
        other_features: Feature columns of the other side.
    """

    name: str
    index: IndexArray
    size: int
    features: Features
    others: IndexArray
    other_features: Features


def sides(ratings: Ratings) -> tuple[Side, Side]:
    """Return the two sides of *ratings*."""
    users = Side(
        name="user",
        index=ratings.users,
        size=ratings.n_users,
        features=ratings.user_features or {},
        others=ratings.items,
        other_features=ratings.item_features or {},
    )
    items = Side(
        name="item",
        index=ratings.items,
        size=ratings.n_items,
        features=ratings.item_features or {},
        others=ratings.users,
        other_features=ratings.user_features or {},
    )
    return users, items


def aggregates(side: Side, ratings: Ratings, roles: Roles) -> Iterator[Aggregate]:
    """Yield the statistics that a feature could have been computed from.

    Ratings that are both hidden and visible count as visible.
    """
    columns: dict[str, NDArray[Any]] = {"ratings": ratings.values}
    if ratings.timestamps is not None:
        columns["timestamps"] = ratings.timestamps
    for noun, column in columns.items():
        visible, hidden = _two_totals(side, column, roles, ratings.values)
        found = [t.summaries() for t in (visible.and_of(hidden), visible, hidden)]
        for what in found[0]:
            everything, seen, unseen = (summary[what] for summary in found)
            yield Aggregate(
                what=f"the {what} of {noun}",
                everything=everything,
                visible=seen,
                hidden=unseen,
            )
    for what, belongs in _categories(side):
        seen, unseen = _two_counts(side, belongs, roles, ratings.values)
        yield Aggregate(
            what=f"the count of ratings with {what}",
            everything=seen + unseen,
            visible=seen,
            hidden=unseen,
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Totals:
    """Totals over the ratings of each user or item; totals of two sets can be added."""

    counts: Column
    sums: Column
    squares: Column
    low: Column
    high: Column

    @classmethod
    def over(
        cls, index: NDArray[np.signedinteger[Any]], values: Column, size: int
    ) -> Self:
        low, high = np.full(size, np.inf), np.full(size, -np.inf)
        index = index.astype(np.intp)
        np.minimum.at(low, index, values)
        np.maximum.at(high, index, values)
        return cls(
            counts=np.bincount(index, minlength=size).astype(np.float64),
            sums=np.bincount(index, values, size).astype(np.float64),
            squares=np.bincount(index, values * values, size).astype(np.float64),
            low=low,
            high=high,
        )

    def and_of(self, other: Self) -> Self:
        """Return the totals over both sets of ratings."""
        return type(self)(
            counts=self.counts + other.counts,
            sums=self.sums + other.sums,
            squares=self.squares + other.squares,
            low=np.minimum(self.low, other.low),
            high=np.maximum(self.high, other.high),
        )

    def summaries(self) -> dict[str, Column]:
        """Return statistics by name; NaN for users or items without a rating."""
        counts = np.where(self.counts > 0, self.counts, np.nan)
        means = self.sums / counts
        variances = np.maximum(self.squares / counts - means * means, 0)
        return {
            "count": self.counts,
            "sum": self.sums,
            "mean": means,
            "lowest": np.where(self.counts > 0, self.low, np.nan),
            "highest": np.where(self.counts > 0, self.high, np.nan),
            "variance": variances,
            "standard deviation": np.sqrt(variances),
        }


def _two_totals(
    side: Side, column: NDArray[Any], roles: Roles, ratings: Values
) -> tuple[_Totals, _Totals]:
    """Return the totals over visible and over hidden ratings."""

    def of(at: slice) -> tuple[_Totals, _Totals]:
        index, values = side.index[at], column[at]
        visible, hidden = (
            _Totals.over(index[chosen], values[chosen].astype(np.float64), side.size)
            for chosen in _visible_and_hidden(roles[at], ratings[at])
        )
        return visible, hidden

    def add(
        some: tuple[_Totals, _Totals], more: tuple[_Totals, _Totals]
    ) -> tuple[_Totals, _Totals]:
        return some[0].and_of(more[0]), some[1].and_of(more[1])

    return total(of, _long_slices(len(roles), side.size), add)


def _two_counts(
    side: Side, belongs: Column, roles: Roles, ratings: Values
) -> tuple[Column, Column]:
    """Count visible and hidden ratings whose other side belongs to a category.

    Args:
        side: The side to count for.
        belongs: 1 for each user or item of the other side in the category, else 0.
        roles: Role of each rating.
        ratings: The ratings; those that are not finite are ignored.
    """

    def of(at: slice) -> NDArray[np.float64]:
        index, weights = side.index[at], belongs[side.others[at]]
        counts = [
            np.bincount(index[chosen], weights[chosen], side.size)
            for chosen in _visible_and_hidden(roles[at], ratings[at])
        ]
        return np.array(counts, dtype=np.float64)

    visible, hidden = total(of, _long_slices(len(roles), side.size), np.add)
    return visible, hidden


def _visible_and_hidden(
    roles: Roles, ratings: Values
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    is_number = np.isfinite(ratings)
    is_visible = (roles & (TRAIN | HISTORY) > 0) & is_number
    return is_visible, (roles & HIDDEN > 0) & is_number & ~is_visible


def _long_slices(n: int, size: int) -> list[slice]:
    """Return slices of *n* ratings that are long compared with their results.

    Args:
        n: Number of ratings.
        size: Length of the result of each slice: one number per user or item.
    """
    length = max(1 << 18, 16 * size)
    return [slice(at, min(at + length, n)) for at in range(0, n, length)]


def _categories(side: Side) -> Iterator[tuple[str, Column]]:
    """Yield each category of the other side, such as a genre, and its members.

    Members are 1, all others 0, shape ``(size,)``.
    """
    for name, column in side.other_features.items():
        if column.dtype.kind in "biuf":
            values = np.unique(column)
            if len(values) <= MAX_CATEGORIES:
                for value in values:
                    yield f"{name} {value:g}", (column == value).astype(np.float64)
            continue
        members = defaultdict[str, list[int]](list)
        for place, text in enumerate(column.tolist()):
            for token in str(text).split("|"):
                members[token].append(place)
        if len(members) <= MAX_CATEGORIES:
            for token in sorted(members):
                belongs = np.zeros(len(column))
                belongs[members[token]] = 1
                yield f"{name} {token!r}", belongs

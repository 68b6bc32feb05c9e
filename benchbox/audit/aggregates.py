"""Aggregates: what a table of features may have been computed from, user by user."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.audit.parts import Roles
from benchbox.protocols import HIDDEN, HISTORY, TRAIN
from benchbox.ratings import Features, IndexArray, Ratings

Column = NDArray[np.float64]
"""A number per user, or per item; NaN where there is none."""

MAX_CATEGORIES = 32
"""Values that a column of features may have and still count as categories."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Aggregate:
    """One number per user, or per item, three ways.

    Attributes:
        what: What it is, such as ``"the count of ratings"``.
        everything: Over all ratings.
        visible: Over those that may be seen.
        hidden: Over those that may not.
    """

    what: str
    everything: Column
    visible: Column
    hidden: Column


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Side:
    """Users, or items, as the audit looks at them.

    Attributes:
        name: ``"user"`` or ``"item"``.
        index: Whose each rating is.
        size: How many there are.
        features: Their features.
        others: Whom, or what, each rating joins them with.
        other_features: The features of those.
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
    """Yield what can be computed of the ratings of each user, or of each item."""
    is_number = np.isfinite(ratings.values)
    is_hidden = (roles & HIDDEN > 0) & is_number
    is_visible = (roles & (TRAIN | HISTORY) > 0) & is_number
    columns: dict[str, NDArray[Any]] = {"ratings": ratings.values}
    if ratings.timestamps is not None:
        columns["timestamps"] = ratings.timestamps
    three = (is_hidden | is_visible, is_visible, is_hidden)
    for noun, column in columns.items():
        found = [_summaries(side, column, chosen) for chosen in three]
        for what in found[0]:
            everything, visible, hidden = (summary[what] for summary in found)
            yield Aggregate(
                what=f"the {what} of {noun}",
                everything=everything,
                visible=visible,
                hidden=hidden,
            )
    pairs = [(side.index[chosen], side.others[chosen]) for chosen in three]
    for what, belongs in _categories(side):
        everything, visible, hidden = (
            _sums(index, belongs[others], side.size) for index, others in pairs
        )
        yield Aggregate(
            what=f"the count of ratings with {what}",
            everything=everything,
            visible=visible,
            hidden=hidden,
        )


def _summaries(
    side: Side, column: NDArray[np.generic], chosen: NDArray[np.bool_]
) -> dict[str, Column]:
    index = side.index[chosen]
    values = column[chosen].astype(np.float64)
    counts: Column = np.bincount(index, minlength=side.size).astype(np.float64)
    sums = _sums(index, values, side.size)
    low, high = np.full(side.size, np.inf), np.full(side.size, -np.inf)
    np.minimum.at(low, index, values)
    np.maximum.at(high, index, values)
    is_empty = counts == 0
    low[is_empty] = high[is_empty] = np.nan
    means: Column = np.divide(
        sums, counts, out=np.full(side.size, np.nan), where=~is_empty
    )
    squares = _sums(index, (values - means[index]) ** 2, side.size)
    spread: Column = np.divide(
        squares, counts, out=np.full(side.size, np.nan), where=~is_empty
    )
    return {
        "count": counts,
        "sum": sums,
        "mean": means,
        "lowest": low,
        "highest": high,
        "variance": spread,
        "standard deviation": np.sqrt(spread),
    }


def _sums(index: IndexArray, values: Column, size: int) -> Column:
    return np.bincount(index, values, size).astype(np.float64)


def _categories(side: Side) -> Iterator[tuple[str, Column]]:
    """Yield each category of the other side, such as a genre, and who belongs to it."""
    for name, column in side.other_features.items():
        if column.dtype.kind in "biuf":
            values = np.unique(column)
            if len(values) <= MAX_CATEGORIES:
                for value in values:
                    yield f"{name} {value:g}", (column == value).astype(np.float64)
            continue
        tokens = [set(str(text).split("|")) for text in column.tolist()]
        known = sorted(set().union(*tokens)) if tokens else []
        if len(known) <= MAX_CATEGORIES:
            for token in known:
                belongs = np.array([token in mine for mine in tokens], dtype=np.float64)
                yield f"{name} {token!r}", belongs

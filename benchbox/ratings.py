"""Ratings: the data type that data sets produce, protocols split and models see."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchbox.arrays.grouping import Grouped as Grouped
from benchbox.arrays.grouping import group
from benchbox.arrays.grouping import pairs_rise as pairs_rise
from benchbox.errors import DataError, counted, printable

if TYPE_CHECKING:
    import pandas as pd

IndexArray = NDArray[np.int32]
"""User or item indexes, shape ``(n,)``, int32."""

Positions = NDArray[np.int64]
"""Positions of ratings within a `Ratings`, shape ``(n,)``, int64."""

Values = NDArray[np.float32]
"""Ratings or predicted ratings, shape ``(n,)``, float32."""

Texts = NDArray[np.object_] | NDArray[np.str_]
"""Texts, such as ids, shape ``(n,)``.

Read from files, they are Python strings: in an array of fixed width, each would take
the space of the longest.
"""

Element = TypeVar("Element", bound=np.generic)

MOST = float(np.finfo(np.float32).max)
"""Largest possible rating: they are stored as float32."""

Features = Mapping[str, NDArray[Any]]
"""Feature columns of users or items by name, one row per index: numbers, or `Texts`."""


class RatingScale(msgspec.Struct, frozen=True):
    """The range of possible ratings, in the unit of the ratings.

    Attributes:
        low: Lowest possible rating.
        high: Highest possible rating.
        step: Distance between neighbouring ratings; `None` for a continuous scale.

    Raises:
        DataError: The range is empty or beyond float32, or the step does not fit it.
    """

    low: float
    high: float
    step: float | None = None

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise DataError(
                f"The highest rating of a scale must be above the lowest, but this "
                f"scale goes from {self.low:g} to {self.high:g}. A data set with a "
                f"single rating value cannot rank models."
            )
        if not -MOST <= self.low < self.high <= MOST:
            raise DataError(
                f"The scale from {self.low:g} to {self.high:g} goes beyond the numbers "
                f"that ratings are stored in (float32, up to {MOST:.4g}). Divide the "
                f"ratings by a constant."
            )
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            raise DataError(
                f"The step of a rating scale must be above 0 and at most the range, "
                f"but the step of {self} is {self.step:g}. Write it as in 0.5-5/0.5, "
                f"or leave it out."
            )

    def clip(self, values: Values) -> Values:
        """Return *values*, of any shape, with those off the scale moved to its end."""
        return np.clip(values, np.float32(self.low), np.float32(self.high))

    def __str__(self) -> str:
        return f"{self.low:g}–{self.high:g}"


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False, kw_only=True)
class Ratings:
    """Explicit ratings as aligned columns.

    A pair is rated if it has a row here, whatever the value: 0 and negative numbers are
    valid ratings. A user rates an item at most once. Arrays may be memory-mapped and
    must not be written to; copy them to change them.

    Attributes:
        users: User index per rating, shape ``(n,)``, int32 in ``[0, n_users)``.
        items: Item index per rating, shape ``(n,)``, int32 in ``[0, n_items)``.
        values: Rating per pair, shape ``(n,)``, float32, on ``scale``.
        timestamps: Seconds since 1970 per rating, shape ``(n,)``, int64; `None` if the
            data set has none.
        rows: Row of each rating in its source, from 0, shape ``(n,)``, int64.
        n_users: Size of the user index, including users without a rating here.
        n_items: Size of the item index, including items without a rating here.
        scale: The range of possible ratings.
        user_ids: Id of each user in the source, shape ``(n_users,)``, strings.
        item_ids: Id of each item in the source, shape ``(n_items,)``, strings.
        user_features: Static facts about users, never derived from ratings.
        item_features: Static facts about items, never derived from ratings.

    Raises:
        DataError: The columns differ in length or type, or an index is out of range.
    """

    users: IndexArray
    items: IndexArray
    values: Values
    n_users: int
    n_items: int
    scale: RatingScale
    timestamps: NDArray[np.int64] | None = None
    rows: Positions | None = None
    user_ids: Texts | None = None
    item_ids: Texts | None = None
    user_features: Features | None = None
    item_features: Features | None = None

    def __post_init__(self) -> None:
        n = len(self.values)
        for name, dtype in _COLUMN_TYPES.items():
            column = getattr(self, name)
            if column is None:
                continue
            if column.dtype != dtype or column.shape != (n,):
                raise DataError(
                    f"Ratings column {name!r} must be {np.dtype(dtype).name} of shape "
                    f"({n},), not {column.dtype.name} of shape {column.shape}."
                )
        for name, size in (("users", self.n_users), ("items", self.n_items)):
            _check_range(name, getattr(self, name), size)
        for ids, features, size, what in (
            (self.user_ids, self.user_features, self.n_users, "user"),
            (self.item_ids, self.item_features, self.n_items, "item"),
        ):
            tables = {} if features is None else dict(features)
            if ids is not None:
                tables["ids"] = ids
            for name, column in tables.items():
                if len(column) != size:
                    raise DataError(
                        f"The {what} column {name!r} has {len(column)} rows for "
                        f"{size} {what}s; it must have one row per {what}."
                    )

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"<Ratings: {self.summary}>"

    @property
    def summary(self) -> str:
        """Ratings, users, items and scale in words."""
        return (
            f"{len(self):,} by {counted(self.n_users, 'user')} of "
            f"{counted(self.n_items, 'item')} on {self.scale}"
        )

    def _repr_html_(self) -> str:
        """Return a summary and the first ratings as HTML, for notebooks."""
        first = self.take(np.arange(min(len(self), _N_SHOWN), dtype=np.int64))
        frame = first.to_frame()
        rows = [[str(cell) for cell in row] for row in frame.itertuples(index=False)]
        if len(self) > _N_SHOWN:
            rows.append(["…"] * len(frame.columns))

        def line(cells: Iterable[str], tag: str) -> str:
            inner = (f"<{tag}>{escape(printable(cell))}</{tag}>" for cell in cells)
            return f"<tr>{''.join(inner)}</tr>"

        body = "".join(line(row, "td") for row in rows)
        return (
            f"<table><caption>{escape(repr(self)[1:-1])}</caption>"
            f"<thead>{line(frame.columns, 'th')}</thead><tbody>{body}</tbody></table>"
        )

    @property
    def density(self) -> float:
        """Share of user-item pairs that are rated, in [0, 1]."""
        cells = self.n_users * self.n_items
        return len(self) / cells if cells else 0.0

    def take(self, positions: Positions) -> Self:
        """Return the ratings at *positions*, in that order, with the same indexes."""
        return replace(
            self,
            users=self.users[positions],
            items=self.items[positions],
            values=self.values[positions],
            timestamps=None if self.timestamps is None else self.timestamps[positions],
            rows=None if self.rows is None else self.rows[positions],
        )

    def read_only(self) -> Self:
        """Return the same ratings in arrays that cannot be written to."""
        columns: dict[str, Any] = {
            name: None if (column := getattr(self, name)) is None else read_only(column)
            for name in (*_COLUMN_TYPES, *_NAMES)
        }
        features = (self.user_features, self.item_features)
        of_users, of_items = (
            None if one is None else {name: read_only(c) for name, c in one.items()}
            for one in features
        )
        return replace(
            self,
            user_features=of_users,
            item_features=of_items,
            **columns,
        )

    def by_user(self) -> Grouped:
        """Return the ratings in compressed rows, one row per user."""
        sides = self.users, self.items
        return group(*sides, self.values, self.n_users, self.n_items)

    def by_item(self) -> Grouped:
        """Return the ratings in compressed rows, one row per item."""
        sides = self.items, self.users
        return group(*sides, self.values, self.n_items, self.n_users)

    def to_frame(self) -> "pd.DataFrame":
        """Return a data frame with one row per rating, with the ids of the source."""
        import pandas as pd

        columns: dict[str, ArrayLike] = {
            "user": self.users if self.user_ids is None else self.user_ids[self.users],
            "item": self.items if self.item_ids is None else self.item_ids[self.items],
            "rating": self.values,
        }
        if self.timestamps is not None:
            columns["timestamp"] = self.timestamps
        return pd.DataFrame(columns)


def texts_of(texts: Sequence[str]) -> NDArray[np.object_]:
    """Return *texts* as an array, in which each takes its own space alone."""
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    return column


def read_only(column: NDArray[Element]) -> NDArray[Element]:
    """Return a view of *column*, of any shape, that cannot be written to."""
    view = column.view()
    view.flags.writeable = False
    return view


_N_SHOWN = 5
"""Number of ratings that a notebook shows."""

_NAMES = ("user_ids", "item_ids")

_COLUMN_TYPES: Mapping[str, type[np.generic]] = {
    "users": np.int32,
    "items": np.int32,
    "values": np.float32,
    "timestamps": np.int64,
    "rows": np.int64,
}


def _check_range(name: str, column: IndexArray, size: int) -> None:
    if len(column) and not (column.min() >= 0 and column.max() < size):
        raise DataError(
            f"Ratings column {name!r} has indexes from {column.min()} to "
            f"{column.max()}; they must be in [0, {size})."
        )

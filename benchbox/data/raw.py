"""Raw ratings: the result of a reader, in the order of the source."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchbox.arrays import mapped
from benchbox.arrays.parallel import gather
from benchbox.ratings import (
    IndexArray,
    Positions,
    RatingScale,
)

Floats = NDArray[np.float64] | NDArray[np.float32]

Where = Callable[[int], str]
"""Describes the location of a row, such as ``"u.data, line 7"``."""

Duplicates = Literal["error", "last", "mean"]
"""How to handle a pair rated twice: refuse it, keep the latest rating, or average."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class IdColumn:
    """The ids of one column, dictionary-encoded.

    Attributes:
        codes: Position of each row's id in ``names``, shape ``(n,)``, int32.
        names: The distinct ids, in any order; some may be unused.
        is_canonical: Whether ``names`` are known to be all used and in canonical
            order.
    """

    codes: IndexArray
    names: Sequence[str]
    is_canonical: bool = False

    @classmethod
    def of(cls, ids: ArrayLike) -> Self:
        """Return the column of *ids*, numbers or strings, shape ``(n,)``."""
        if not isinstance(ids, np.ndarray):
            # As an array of text, each id would take the space of the longest, and
            # lose NUL characters at its end.
            ids = np.array(ids, dtype=object)
        if ids.dtype == object:
            ids = np.array(list(map(str, ids.tolist())), dtype=object)
        names, codes = np.unique(ids, return_inverse=True)
        texts = list(map(str, names.tolist()))
        return cls(codes=codes.astype(np.int32), names=texts)

    def __len__(self) -> int:
        return len(self.codes)

    @classmethod
    def stacked(cls, columns: Sequence["IdColumn"]) -> Self:
        """Return *columns* one below the other."""
        places: dict[str, int] = {}
        codes = mapped.empty(sum(map(len, columns)), np.int32)
        parts = np.split(codes, np.cumsum(list(map(len, columns)))[:-1])
        for column, part in zip(columns, parts, strict=True):
            theirs = [places.setdefault(name, len(places)) for name in column.names]
            gather(np.array(theirs, dtype=np.int32), column.codes, part)
        return cls(codes=codes, names=list(places))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RawFeatures:
    """Features of users or items, by the ids of the source.

    Attributes:
        ids: Id per row.
        columns: Feature column by name, shape ``(n_rows,)`` each.
    """

    ids: Sequence[str]
    columns: Mapping[str, NDArray[Any]]


def _row_number(row: int) -> str:
    return f"row {row + 1}"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RawRatings:
    """The result of a reader: ratings in the order of their source.

    Attributes:
        users: User id per row.
        items: Item id per row.
        values: Finite rating per row, shape ``(n,)``: float64, so that the scale is
            checked before rounding; or float32 if that represents them exactly.
        timestamps: Seconds since 1970 per row, int64; `None` if the source has none.
        where: Describes the location of a row, such as ``"u.data, line 7"``.
        user_features: Features of users; rows of users without ratings are dropped.
        item_features: Features of items; rows of items without ratings are dropped.
        folds: Hidden rows by name of each fold the data set ships; the other rows are
            training ratings.
        validation: Rows to choose epochs and options by, by name of the fold, for folds
            that ship them. They are training ratings too.
        described: What a reader recognised in the files, by what it is about.
        scale: Rating scale; `None` to use the card's.
        duplicates: How to handle a pair rated twice; `None` to use the card's rule.
        noise_floor: RMSE of the best possible predictor; `None` if unknown.
        notes: Sentences about what the reader found and users should know.
    """

    users: IdColumn
    items: IdColumn
    values: Floats
    timestamps: NDArray[np.int64] | None = None
    where: Where = _row_number
    user_features: RawFeatures | None = None
    item_features: RawFeatures | None = None
    folds: Mapping[str, Positions] = field(default_factory=dict)
    validation: Mapping[str, Positions] = field(default_factory=dict)
    described: Mapping[str, str] = field(default_factory=dict)
    scale: RatingScale | None = None
    duplicates: Duplicates | None = None
    noise_floor: float | None = None
    notes: tuple[str, ...] = ()

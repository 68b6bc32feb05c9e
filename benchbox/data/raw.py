"""Raw ratings: what a reader returns, in the order of its source."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchbox.ratings import (
    IndexArray,
    Positions,
    RatingScale,
)

Floats = NDArray[np.float64] | NDArray[np.float32]


Duplicates = Literal["error", "last", "mean"]
"""What becomes of a pair rated twice: refuse, keep the latest, or average."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class IdColumn:
    """The ids of one column, each distinct id spelt once.

    Attributes:
        codes: Place of each row's id in ``names``, shape ``(n,)``.
        names: The distinct ids, in any order; some may be unused.
        is_canonical: Whether all are known to be used and in canonical order.
    """

    codes: IndexArray
    names: Sequence[str]
    is_canonical: bool = False

    @classmethod
    def of(cls, ids: ArrayLike) -> Self:
        """Return the column of *ids*, numbers or strings, shape ``(n,)``."""
        names, codes = np.unique(np.asarray(ids), return_inverse=True)
        return cls(codes=codes.astype(np.int32), names=names.astype(str).tolist())

    def __len__(self) -> int:
        return len(self.codes)

    def followed_by(self, other: "IdColumn") -> "IdColumn":
        """Return this column with *other* below it."""
        places = {name: place for place, name in enumerate(self.names)}
        theirs = [places.setdefault(name, len(places)) for name in other.names]
        moved = np.array(theirs, dtype=np.int32)[other.codes]
        codes = np.concatenate([self.codes, moved])
        return IdColumn(codes=codes, names=list(places))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RawFeatures:
    """Facts about users or items under the source's own ids.

    Attributes:
        ids: Id per row.
        columns: Column by name, one entry per row.
    """

    ids: Sequence[str]
    columns: Mapping[str, NDArray[Any]]


def _row_number(row: int) -> str:
    return f"row {row + 1}"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RawRatings:
    """What a reader returns: ratings in the order of their source.

    Attributes:
        users: User id per row.
        items: Item id per row.
        values: Rating per row, finite, float64, so that the scale is checked
            before anything is rounded; or float32 where that rounds nothing.
        timestamps: Seconds since 1970 per row, int64, where the source has them.
        where: Says in words where a row stands, such as ``"u.data, line 7"``.
        user_features: Static facts about users; rows of unrated users are dropped.
        item_features: Static facts about items; rows of unrated items are dropped.
        folds: Rows hidden by each fold the data set ships; the others are train.
        scale: The scale, where the options rather than the card decide it.
        duplicates: The rule, where the options rather than the card decide it.
        noise_floor: RMSE of the best possible predictor, where it is known.
    """

    users: IdColumn
    items: IdColumn
    values: Floats
    timestamps: NDArray[np.int64] | None = None
    where: Callable[[int], str] = _row_number
    user_features: RawFeatures | None = None
    item_features: RawFeatures | None = None
    folds: Mapping[str, Positions] = field(default_factory=dict)
    scale: RatingScale | None = None
    duplicates: Duplicates | None = None
    noise_floor: float | None = None

"""Joins the files of one fold, and pools folds of the same ratings into one table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.positions import every_position
from benchbox.data.raw import IdColumn, RawRatings
from benchbox.errors import DataError
from benchbox.ratings import Positions


def joined(fold: str, parts: Mapping[str, RawRatings]) -> RawRatings:
    """Return the ratings of one fold as one table, in the order of *parts*.

    Args:
        fold: Name of the fold.
        parts: Ratings by role: train alone; or train, test, and perhaps valid.
    """
    if len(parts) == 1:
        # A file alone may bring a split of its own.
        (alone,) = parts.values()
        return alone
    raw = stacked(list(parts.values()))
    ends = np.cumsum([len(part.values) for part in parts.values()])
    spans = np.split(every_position(int(ends[-1])), ends[:-1])
    rows = dict(zip(parts, spans, strict=True))
    return replace(
        raw,
        folds={fold: rows["test"]},
        validation={fold: rows["valid"]} if "valid" in rows else {},
    )


def pooled(folds: Sequence[RawRatings]) -> RawRatings:
    """Return the table that all *folds* split, each rating once, with all of them.

    Raises:
        DataError: They do not hold the same ratings.
    """
    first, *others = folds
    hidden, validation = dict(first.folds), dict(first.validation)
    notes = dict.fromkeys(note for fold in folds for note in fold.notes)
    for other in others:
        place = _rows_in(first, other)
        hidden |= {fold: np.sort(place[rows]) for fold, rows in other.folds.items()}
        validation |= {
            fold: np.sort(place[rows]) for fold, rows in other.validation.items()
        }
    return replace(first, folds=hidden, validation=validation, notes=tuple(notes))


def stacked(parts: Sequence[RawRatings]) -> RawRatings:
    """Return the ratings of all *parts* as one table, in their order."""
    if len(parts) == 1:
        return parts[0]
    times = [part.timestamps for part in parts if part.timestamps is not None]
    ends = np.cumsum([len(part.values) for part in parts])

    def where(row: int) -> str:
        place = int(np.searchsorted(ends, row, side="right"))
        return parts[place].where(row - int(ends[place] - len(parts[place].values)))

    return RawRatings(
        users=IdColumn.stacked([part.users for part in parts]),
        items=IdColumn.stacked([part.items for part in parts]),
        values=mapped.joined([part.values for part in parts]),
        timestamps=mapped.joined(times) if len(times) == len(parts) else None,
        where=where,
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        described={k: v for part in parts[::-1] for k, v in part.described.items()},
        scale=parts[0].scale,
    )


def _rows_in(first: RawRatings, other: RawRatings) -> Positions:
    """Return the row of *first* that holds the same rating as each row of *other*.

    Raises:
        DataError: They do not hold the same ratings.
    """
    both = stacked([first, other])
    n = len(first.values)
    columns: list[NDArray[Any]] = [both.users.codes, both.items.codes, both.values]
    if both.timestamps is not None:
        columns.append(both.timestamps)
    # The last key of a lexsort counts most; any order would do that both share.
    ours = np.lexsort([column[:n] for column in columns])
    theirs = np.lexsort([column[n:] for column in columns])
    same = len(ours) == len(theirs) and all(
        np.array_equal(column[:n][ours], column[n:][theirs]) for column in columns
    )
    if not same:
        _refuse(both, n, columns)
    place = np.empty(len(theirs), dtype=np.int64)
    place[theirs] = ours
    return place


def _refuse(both: RawRatings, n: int, columns: Sequence[NDArray[Any]]) -> NoReturn:
    """Raise the error that names a rating which only one of two folds has.

    Args:
        both: The ratings of one fold, and below them those of the other.
        n: Number of ratings of the first.
        columns: What must be the same of each rating.
    """
    rows = np.rec.fromarrays(columns)
    alone = [
        np.flatnonzero(~np.isin(rows[:n], rows[n:])),
        n + np.flatnonzero(~np.isin(rows[n:], rows[:n])),
    ]
    places = np.concatenate(alone)
    example = (
        f"only one of them has {both.where(int(places[0]))}"
        if len(places)
        else "one of them has a rating more often"
    )
    raise DataError(
        f"All folds must split the same ratings, but the one with {both.where(0)} and "
        f"the one with {both.where(n)} do not: {example}. Load folds of different "
        f"ratings as data sets of their own."
    )

"""Joins the files of one fold, and pools folds of the same ratings into one table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from benchbox.data.raw import RawRatings
from benchbox.errors import DataError
from benchbox.ratings import Positions


def joined(fold: str, parts: Mapping[str, RawRatings]) -> RawRatings:
    """Return the ratings of one fold as one table, in the order of *parts*.

    Args:
        fold: Name of the fold.
        parts: Ratings by role: train alone; or train, test, and perhaps valid.
    """
    raw = reduce(_below, parts.values())
    ends = np.cumsum([len(part.values) for part in parts.values()])
    rows = dict(zip(parts, np.split(np.arange(ends[-1]), ends[:-1]), strict=True))
    return replace(
        raw,
        folds={fold: rows["test"]} if "test" in rows else {},
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


def _below(one: RawRatings, two: RawRatings) -> RawRatings:
    n = len(one.values)
    timestamps = None
    if one.timestamps is not None and two.timestamps is not None:
        timestamps = np.concatenate([one.timestamps, two.timestamps])
    return RawRatings(
        users=one.users.followed_by(two.users),
        items=one.items.followed_by(two.items),
        values=np.concatenate([one.values, two.values]),
        timestamps=timestamps,
        where=lambda row: one.where(row) if row < n else two.where(row - n),
        notes=tuple(dict.fromkeys((*one.notes, *two.notes))),
        described={**two.described, **one.described},
    )


def _rows_in(first: RawRatings, other: RawRatings) -> Positions:
    """Return the row of *first* that holds the same rating as each row of *other*.

    Raises:
        DataError: They do not hold the same ratings.
    """
    both = _below(first, other)
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

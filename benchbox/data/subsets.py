"""Cuts a data set down to the slice that its options ask for, before indexing."""

from collections.abc import Mapping
from dataclasses import replace
from re import fullmatch
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.grouping import tally
from benchbox.arrays.positions import marked, order_within, repeated
from benchbox.data.indexing import canonical_order
from benchbox.data.raw import Duplicates, IdColumn, RawRatings
from benchbox.errors import DataError
from benchbox.options import Options, changed
from benchbox.ratings import Positions

Count = Annotated[int, msgspec.Meta(ge=1)]

_Flags = NDArray[np.bool_]


class SliceOptions(Options, frozen=True):
    """Options that cut a data set down; options records inherit them from here.

    The options are applied in the order listed here. A pair rated twice counts once.
    Ratings that are cut are also removed from the folds that a data set ships.

    Attributes:
        top_users: Number of users to keep: those with the most ratings; ties go to
            the ids that come first in canonical order.
        users_below: Keep users whose id, a whole number, is below this.
        items_below: Keep items whose id, a whole number, is below this.
        min_user_ratings: Keep users with at least this many ratings. This and
            ``min_item_ratings`` are repeated until nothing more is cut (the k-core).
        min_item_ratings: Keep items with at least this many ratings.
    """

    top_users: Count | None = None
    users_below: int | None = None
    items_below: int | None = None
    min_user_ratings: Count | None = None
    min_item_ratings: Count | None = None


_STEPS = frozenset(SliceOptions.__struct_fields__)


def only_slices(options: Options) -> bool:
    """Return whether all of *options* outside `SliceOptions` have their defaults."""
    return set(changed(options)) <= _STEPS


def cut(
    raw: RawRatings, options: SliceOptions, duplicates: Duplicates = "error"
) -> RawRatings:
    """Return the ratings in the slice, with rows renumbered from 0.

    Takes time and memory in proportion to the number of ratings.

    Args:
        raw: Ratings in the order of their source.
        options: The slice.
        duplicates: How pairs rated twice will be handled.

    Raises:
        DataError: An id is not a whole number where one is needed, there are fewer
            users than asked for, or no rating is left.
    """
    users, items = raw.users, raw.items
    counted = None if duplicates == "error" else _first_of_each_pair(raw)
    user_stays, item_stays = _all_of(users), _all_of(items)
    if options.top_users is not None:
        user_stays &= _most_active(users, counted, options.top_users)
    if options.users_below is not None:
        user_stays &= _below(users, options.users_below, "user")
    if options.items_below is not None:
        item_stays &= _below(items, options.items_below, "item")
    least = (options.min_user_ratings or 1, options.min_item_ratings or 1)
    if least != (1, 1):
        rows = _rows_between(raw, user_stays, item_stays)
        if counted is not None:
            rows &= counted
        _keep_core((users, items), (user_stays, item_stays), least, rows)
    stays = _rows_between(raw, user_stays, item_stays)
    if not stays.any():
        asked = ", ".join(
            f"{k}={v}" for k, v in changed(options).items() if k in _STEPS
        )
        raise DataError(f"The slice {asked} leaves no rating. Ask for a larger one.")
    return raw if stays.all() else keep_rows(raw, stays)


def keep_rows(raw: RawRatings, stays: _Flags) -> RawRatings:
    """Return some rows of *raw*, renumbered from 0.

    The other rows are also removed from the folds the data set ships. Ids that are no
    longer used disappear when the ratings are indexed.

    Args:
        raw: Ratings in the order of their source.
        stays: Whether each row stays, shape ``(n,)``.
    """
    rows = marked(stays)

    def of(column: NDArray[Any]) -> NDArray[Any]:
        return mapped.gathered(column, rows)

    def those_of(parts: Mapping[str, Positions]) -> dict[str, Positions]:
        return {
            name: np.searchsorted(rows, part[stays[part]])
            for name, part in parts.items()
        }

    return replace(
        raw,
        users=IdColumn(codes=of(raw.users.codes), names=raw.users.names),
        items=IdColumn(codes=of(raw.items.codes), names=raw.items.names),
        values=of(raw.values),
        timestamps=None if raw.timestamps is None else of(raw.timestamps),
        where=lambda row: raw.where(int(rows[row])),
        folds=those_of(raw.folds),
        validation=those_of(raw.validation),
    )


def _all_of(column: IdColumn) -> _Flags:
    return np.ones(len(column.names), dtype=bool)


def _rows_of(column: IdColumn, ids: _Flags) -> _Flags:
    """Return the rows whose id is one of *ids*."""
    return mapped.gathered(ids, column.codes)


def _rows_between(raw: RawRatings, users: _Flags, items: _Flags) -> _Flags:
    """Return the rows where one of *users* rates one of *items*."""
    rows = _rows_of(raw.users, users)
    rows &= _rows_of(raw.items, items)
    return rows


def _n_ratings(column: IdColumn, rows: _Flags | None = None) -> NDArray[np.int64]:
    """Return the number of rows of each id, among *rows* or all."""
    codes = column.codes
    if rows is not None:
        codes = mapped.gathered(codes, marked(rows))
    return tally(codes, len(column.names))


def _first_of_each_pair(raw: RawRatings) -> _Flags:
    """Return flags that mark the first row of each pair of user and item."""
    users, items = raw.users.codes, raw.items.codes
    order = order_within(users, len(raw.users.names), items)
    once = mapped.empty(len(order), np.bool_)
    once[:] = True
    once[order[repeated(users, items, order)]] = False
    return once


def _most_active(users: IdColumn, counted: _Flags | None, n: int) -> _Flags:
    activity = _n_ratings(users, counted)
    n_users = np.count_nonzero(activity)
    if n > n_users:
        raise DataError(
            f"top_users={n} asks for more users than the {n_users:,} there are. Ask "
            f"for fewer."
        )
    # A stable sort keeps equally active users in canonical order.
    in_order = (
        np.arange(len(activity)) if users.is_canonical else canonical_order(users.names)
    )
    most = in_order[np.argsort(-activity[in_order], kind="stable")[:n]]
    active = np.zeros(len(activity), dtype=bool)
    active[most] = True
    return active


def _below(column: IdColumn, bound: int, what: str) -> _Flags:
    below = np.zeros(len(column.names), dtype=bool)
    for place in np.flatnonzero(_n_ratings(column)).tolist():
        name = column.names[place]
        if not fullmatch(r"-?[0-9]+", name):
            raise DataError(
                f"{what}s_below={bound} needs {what} ids that are whole numbers, but "
                f"{name!r} is not. Leave it out."
            )
        below[place] = int(name) < bound
    return below


def _keep_core(
    columns: tuple[IdColumn, IdColumn],
    stays: tuple[_Flags, _Flags],
    least: tuple[int, int],
    rows: _Flags,
) -> None:
    """Clear flags in *stays* and *rows*, in place, until every id has enough rows."""
    n_ratings = [_n_ratings(column, rows) for column in columns]
    while True:
        is_gone = mapped.zeros(len(rows), np.bool_)
        for column, ids, counts, enough in zip(
            columns, stays, n_ratings, least, strict=True
        ):
            few = ids & (counts < enough)
            ids &= ~few
            if (few & (counts > 0)).any():
                is_gone |= _rows_of(column, few)
        is_gone &= rows
        gone = marked(is_gone)
        if not len(gone):
            return
        rows[gone] = False
        for column, counts in zip(columns, n_ratings, strict=True):
            counts -= tally(mapped.gathered(column.codes, gone), len(counts))

"""Turns raw ratings, in any order, into canonically ordered `Ratings`."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.parallel import each, long_slices, slices
from benchbox.arrays.positions import (
    every_position,
    marked,
    repeated,
    runs_of,
)
from benchbox.data.ids import plain_id
from benchbox.data.raw import Duplicates, Floats, IdColumn, RawFeatures, RawRatings
from benchbox.data.sorting import Ordered, Unordered, in_order
from benchbox.errors import DataError
from benchbox.ratings import (
    Features,
    IndexArray,
    Positions,
    Ratings,
    RatingScale,
    pairs_rise,
    texts_of,
)

_INTEGER = re.compile(r"0|-?[1-9][0-9]*")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Indexed:
    """Canonical ratings, and their positions by row of the source.

    Attributes:
        ratings: Users and items indexed by sorted id, rows sorted by (user, item).
        n_rows: Number of rows in the source.
    """

    ratings: Ratings
    n_rows: int

    @property
    def positions(self) -> Positions:
        """Position of each source row in ``ratings``, or -1 for a dropped duplicate.

        Shape ``(n_rows,)``, int64.
        """
        positions, rows = mapped.empty(self.n_rows, np.int64), self.ratings.rows
        assert rows is not None
        positions[:] = -1
        for part in long_slices(len(rows)):
            positions[rows[part]] = np.arange(part.start, part.stop)
        return positions


def index_ratings(
    raw: RawRatings, scale: RatingScale, duplicates: Duplicates = "error"
) -> Indexed:
    """Return *raw* in canonical order, which does not depend on the source's order.

    Columns that are in this order already are not copied.

    Raises:
        DataError: A rating is off the scale, or a pair is rated twice and
            *duplicates* is ``"error"``.
    """
    check_scale(raw, scale)
    users, user_ids = _codes_and_ids(raw.users)
    items, item_ids = _codes_and_ids(raw.items)
    if pairs_rise(users, items):
        ordered = _already_ordered(raw, users, items)
    else:
        unordered = Unordered(
            users=users,
            items=items,
            values=raw.values,
            timestamps=raw.timestamps,
            n_users=len(user_ids),
            n_items=len(item_ids),
        )
        del users, items
        ordered = _without_repeats(raw, in_order(unordered), duplicates)
    ratings = Ratings(
        users=ordered.users,
        items=ordered.items,
        values=ordered.values,
        timestamps=ordered.timestamps,
        rows=ordered.rows,
        n_users=len(user_ids),
        n_items=len(item_ids),
        scale=scale,
        user_ids=user_ids,
        item_ids=item_ids,
        user_features=align(raw.user_features, user_ids.tolist(), "user"),
        item_features=align(raw.item_features, item_ids.tolist(), "item"),
    )
    return Indexed(ratings=ratings, n_rows=len(raw.values))


def canonical_order(names: Sequence[str]) -> Positions:
    """Return the positions that put *names* in canonical order, shape ``(n,)``.

    Names are sorted as numbers if all are plain decimal integers, and otherwise by
    their UTF-8 bytes, which is the order of their code points.
    """
    integers = all(map(_INTEGER.fullmatch, names))
    keys: Sequence[Any] = [int(name) for name in names] if integers else names
    return np.array(sorted(range(len(names)), key=keys.__getitem__), dtype=np.int64)


def found_scale(raw: RawRatings, source: str) -> RatingScale:
    """Return a scale from the lowest to the highest rating found.

    Raises:
        DataError: All ratings are equal, so the scale cannot be guessed.
    """
    low, high = float(raw.values.min()), float(raw.values.max())
    if low == high:
        raise DataError(
            f"All ratings in {source} are {low:g}, so the rating scale cannot be "
            f"guessed. State it, as in scale=1-5."
        )
    return RatingScale(low, high)


def check_scale(raw: RawRatings, scale: RatingScale) -> None:
    """Refuse ratings that are off the scale or between its steps.

    Raises:
        DataError: There is such a rating; names the first and its location.
    """
    low, high = np.float64(scale.low), np.float64(scale.high)
    _refuse(raw, f"is off the scale {scale}", lambda v: ~((v >= low) & (v <= high)))
    if scale.step is not None:
        step = scale.step

        def is_between(values: Floats) -> NDArray[np.bool_]:
            steps = (values - low) / step
            steps -= np.round(steps)
            between: NDArray[np.bool_] = np.abs(steps, out=steps) > 1e-6
            return between

        _refuse(raw, f"is between the steps of {step:g} from {low:g}", is_between)


def _refuse(
    raw: RawRatings,
    what: str,
    is_wrong: Callable[[Floats], NDArray[np.bool_]],
) -> None:
    """Raise an error that names the first wrong rating, if there is one."""

    def first(part: slice) -> int | None:
        wrong = is_wrong(raw.values[part])
        return part.start + int(wrong.argmax()) if wrong.any() else None

    for row in each(first, slices(len(raw.values))):
        if row is not None:
            raise DataError(
                f"{raw.where(row)}: the rating {raw.values[row]:g} {what}. Correct the "
                f"rating, or state another scale."
            )


def align(
    features: RawFeatures | None, ids: Iterable[str], what: str
) -> Features | None:
    """Return the features in the order of *ids*.

    An id without a row gets an empty string or NaN, so an integer column with gaps
    becomes float64.

    Raises:
        DataError: Two rows have the same id.
    """
    if features is None:
        return None
    names = list(map(plain_id, features.ids))
    places = {name: place for place, name in enumerate(names)}
    if len(places) < len(names):
        twice = next(n for p, n in enumerate(names) if places[n] != p)
        raise DataError(
            f"The {what} features have two rows for {what} {twice!r}. Keep one."
        )
    rows = np.array([places.get(name, -1) for name in ids], dtype=np.int64)
    return {name: _pick(column, rows) for name, column in features.columns.items()}


def _pick(column: NDArray[Any], rows: Positions) -> NDArray[Any]:
    missing = rows < 0
    if not missing.any():
        return column[rows]
    if column.dtype.kind in "iu":
        column = column.astype(np.float64)
    padded = np.append(column, np.array(["" if column.dtype.kind in "OU" else np.nan]))
    return padded[np.where(missing, len(column), rows)].astype(column.dtype)


def canonical(column: IdColumn) -> IdColumn:
    """Return *column* with the names that occur in it, in canonical order."""
    if column.is_canonical:
        return column
    used = np.zeros(len(column.names), dtype=bool)
    # In parts, since NumPy makes int64 copies of indexes.
    for part in slices(len(column)):
        used[column.codes[part]] = True
    places = np.flatnonzero(used)
    names = [column.names[place] for place in places.tolist()]
    order = canonical_order(names)
    indexes = np.zeros(len(used), dtype=np.int32)
    indexes[places[order]] = np.arange(len(places), dtype=np.int32)
    codes = mapped.gathered(indexes, column.codes)
    return IdColumn(codes=codes, names=[names[p] for p in order], is_canonical=True)


def _codes_and_ids(column: IdColumn) -> tuple[IndexArray, NDArray[np.object_]]:
    column = canonical(column)
    return column.codes, texts_of(column.names)


def _already_ordered(raw: RawRatings, users: IndexArray, items: IndexArray) -> Ordered:
    values: NDArray[Any] = raw.values
    if values.dtype != np.float32:
        values = mapped.copied(values, np.float32)
    return Ordered(
        users=users,
        items=items,
        values=values,
        rows=every_position(len(users)),
        timestamps=raw.timestamps,
    )


def _without_repeats(
    raw: RawRatings, ordered: Ordered, duplicates: Duplicates
) -> Ordered:
    """Return sorted ratings with one for each pair, as *duplicates* says.

    Memory grows with the number of repeated pairs alone.
    """
    users, items = ordered.users, ordered.items
    if pairs_rise(users, items):
        return ordered
    repeats = repeated(users, items)
    if duplicates == "error":
        _refuse_duplicate(raw, repeats, ordered.rows)
    if duplicates == "mean" and raw.folds:
        raise DataError(
            "Pairs rated twice cannot be averaged in a data set that ships its folds: "
            "the mean would mix hidden with training ratings. Use duplicates=last."
        )
    members, starts = runs_of(repeats)
    sizes = np.diff(starts, append=len(members))
    latest = members[_latest(raw, ordered.rows[members], starts, sizes)]
    if duplicates == "mean":
        values = raw.values[ordered.rows[members]].astype(np.float64)
        ordered.values[latest] = np.add.reduceat(values, starts) / sizes
    keep = mapped.empty(len(users), np.bool_)
    keep[:] = True
    keep[members] = False
    keep[latest] = True
    return ordered.only(marked(keep))


def _latest(
    raw: RawRatings, rows: Positions, starts: Positions, sizes: Positions
) -> Positions:
    """Return the place of the latest row of each group, by timestamp, then row.

    Args:
        raw: The ratings.
        rows: Rows of the groups, one group after another, each rising.
        starts: Where each group starts among them.
        sizes: Number of rows of each group.
    """
    if raw.timestamps is None:
        return starts + sizes - 1
    groups = np.repeat(np.arange(len(starts)), sizes)
    by_time = np.lexsort((rows, raw.timestamps[rows], groups))
    latest: Positions = by_time[starts + sizes - 1]
    return latest


def _refuse_duplicate(raw: RawRatings, repeats: Positions, order: Positions) -> None:
    nearest = repeats[order[repeats].argmin()]
    one, two = int(order[nearest - 1]), int(order[nearest])
    user = raw.users.names[raw.users.codes[one]]
    item = raw.items.names[raw.items.codes[one]]
    raise DataError(
        f"User {user!r} rates item {item!r} twice: {raw.where(one)} and "
        f"{raw.where(two)}. Allow it with duplicates=last or duplicates=mean."
    )

"""Turns matrices of ratings, a row per user and a column per item, into ratings."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchbox.data.raw import IdColumn, RawRatings
from benchbox.errors import DataError


def ratings_in(
    cells: NDArray[np.float64],
    users: Sequence[str],
    items: Sequence[str],
    where: Callable[[int, int], str],
    missing: Sequence[float] = (),
) -> RawRatings:
    """Return the ratings in a matrix, row by row.

    Args:
        cells: Rating of each user and item, shape ``(n_users, n_items)``; NaN where
            there is none.
        users: Id of each row.
        items: Id of each column.
        where: Describes the location of a cell by its row and column, from 0.
        missing: Numbers that mean "not rated".

    Raises:
        DataError: The matrix has no rating, or an infinite one; names the cell.
    """
    is_rated = ~np.isnan(cells)
    for code in missing:
        is_rated &= cells != code
    rows, columns = np.nonzero(is_rated)
    values = cells[rows, columns]
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        place = where(int(rows[infinite[0]]), int(columns[infinite[0]]))
        raise DataError(f"{place}: the rating is not a finite number. Correct it.")
    if not len(values):
        raise DataError("The matrix has no ratings: all of it is blank or missing.")

    def place_of(row: int) -> str:
        return where(int(rows[row]), int(columns[row]))

    def ids(names: Sequence[str], codes: NDArray[np.int64]) -> IdColumn:
        known = IdColumn.of(np.array(names, dtype=object))
        return IdColumn(codes=known.codes[codes], names=known.names)

    return RawRatings(
        users=ids(users, rows),
        items=ids(items, columns),
        values=values,
        where=place_of,
    )

"""Turns matrices of ratings, a row per user and a column per item, into ratings."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchbox.data.raw import IdColumn, RawRatings
from benchbox.data.tables.fields import flaw_in
from benchbox.data.tables.table import Table, TextTable
from benchbox.data.tables.text import NOT_RATED
from benchbox.errors import DataError

First = Literal["auto", "ids", "counts", "ratings"]
"""What the first column of a matrix holds."""

Rows = Literal["users", "items"]
"""Whose ratings a row of a matrix holds."""


def read_matrix(
    table: Table, first: First = "auto", rows: Rows = "users"
) -> RawRatings:
    """Read a matrix of ratings from text.

    Without a header, or without ids, users and items are numbered from 1.

    Args:
        table: The opened file.
        first: What the first column holds: ids, the number of ratings in its row, or
            ratings as all others; ``auto`` expects ids below a header.
        rows: Whose ratings a row holds.

    Raises:
        DataError: It is no matrix, or it must be said what the first column holds.
    """
    name = table.path.name
    if not isinstance(table, TextTable):
        raise DataError(
            f"{name} is no text, so it cannot be read as a matrix. Write one rating "
            f"per row, as pandas.melt does."
        )
    headed = any(
        flaw_in(text, "", "number", table.decimal)
        for text in table.first
        if text not in NOT_RATED
    ) or (first == "auto" and not table.first[0].strip())
    if first == "auto" and not headed:
        raise DataError(
            f"{name} has no header, so it cannot be guessed what the first column of "
            f"the matrix holds. Say so: first=ids, first=counts (of the ratings in the "
            f"row) or first=ratings."
        )
    firsts, cells = table.read_cells(headed=headed)
    names = [text.strip() for text in table.first[1:]]
    if first == "ratings":
        cells = np.column_stack([[_number(table, text) for text in firsts], cells])
        names = [table.first[0].strip(), *names]
    numbers = [str(n + 1) for n in range(len(cells))]
    of_rows = firsts if first in ("auto", "ids") else numbers
    of_columns = names if headed else [str(n + 1) for n in range(cells.shape[1])]
    offset = 1 if first != "ratings" else 0
    others = "items" if rows == "users" else "users"

    def where(row: int, column: int) -> str:
        place = table.where(row, headed=headed)
        return f"{place}, column {column + 1 + offset}"

    def turned(row: int, column: int) -> str:
        return where(column, row)

    raw = (
        ratings_in(cells, of_rows, of_columns, where)
        if rows == "users"
        else ratings_in(np.ascontiguousarray(cells.T), of_columns, of_rows, turned)
    )
    note = (
        f"Read as a matrix: {len(of_rows):,} {rows} in rows, {len(of_columns):,} "
        f"{others} in columns, blank where not rated; layout=table reads it otherwise, "
        f"rows=items the other way round, missing=0 leaves out zeros."
    )
    return replace(raw, notes=(*table.notes, note))


def _number(table: TextTable, text: str) -> float:
    if not text.strip():
        return float("nan")
    flaw = flaw_in(text, "rating", "number", table.decimal)
    if flaw:
        raise DataError(f"{table.path.name}: in the first column, {flaw}")
    return float(text.replace(table.decimal, "."))


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

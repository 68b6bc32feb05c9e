"""BeerAdvocate and RateBeer: reviews as Python literals, one per line."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchbox.data import (
    DatasetCard,
    IdColumn,
    RawRatings,
    Wanted,
    find_column,
    open_table,
)
from benchbox.errors import DataError, counted
from benchbox.options import Options

_COLUMNS = {
    "user": "review/profileName",
    "item": "beer/beerId",
    "rating": "review/overall",
    "timestamp": "review/time",
}


def read_beer(
    files: Mapping[str, Path], card: DatasetCard, options: Options
) -> RawRatings:
    """Read the overall rating of each review; of "13/20", that is 13.

    Reviews without a user, a beer or a rating are left out, with a note.

    Raises:
        DataError: A rating or a time is no number; names the row.
    """
    (path,) = files.values()
    table = open_table(path)
    wanted = {r: Wanted(find_column(table, n), "text") for r, n in _COLUMNS.items()}
    texts = {
        role: [text.strip() for text in column.tolist()]
        for role, column in table.read(wanted, headed=True).texts.items()
    }
    whole = np.array(
        [all(row) for row in zip(*texts.values(), strict=True)], dtype=bool
    )
    rows = np.flatnonzero(whole).tolist()
    n_left = len(whole) - len(rows)
    left = f"{counted(n_left, 'review')} without a user, beer, rating or time left out."

    def where(row: int) -> str:
        return table.where(rows[row], headed=True)

    def numbers(role: str) -> list[float]:
        column = texts[role]
        found = []
        for row in rows:
            try:
                found.append(float(column[row].partition("/")[0]))
            except ValueError:
                raise DataError(
                    f"{table.where(row, headed=True)}: the {role} {column[row][:40]!r} "
                    f"is not a number. Get the file again."
                ) from None
        return found

    return RawRatings(
        users=IdColumn.of([texts["user"][row] for row in rows]),
        items=IdColumn.of([texts["item"][row] for row in rows]),
        values=np.array(numbers("rating")),
        timestamps=np.array(numbers("timestamp"), dtype=np.int64),
        where=where,
        notes=(left,) if n_left else (),
    )

"""Reads the small CSV files that users write by hand."""

import csv
from collections.abc import Sequence
from pathlib import Path

from benchbox.data import role_of
from benchbox.errors import DataError


def read_columns(
    file: Path, needed: Sequence[str], either: Sequence[str] = ()
) -> dict[str, list[str]]:
    """Return columns of a CSV file by their standard names.

    Args:
        file: CSV file with the names of its columns in the first line. Common other
            names, such as ``userId``, are recognised.
        needed: Columns that are required, such as ``user`` and ``item``.
        either: Columns of which one is required; the first found is returned.

    Raises:
        DataError: A column is missing, a line is too short, or the file is unreadable.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = [row for row in csv.reader(lines) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file} cannot be read as CSV: {error}.") from None
    if not rows:
        raise DataError(f"{file.name} is empty. Its first line must name the columns.")
    header, *body = rows
    places = {role_of(name) or name.strip().lower(): n for n, name in enumerate(header)}
    wanted = [*needed, *[name for name in either if name in places][:1]]
    if either and len(wanted) == len(needed):
        wanted.append(" or ".join(either))
    for name in wanted:
        if name not in places:
            raise DataError(
                f"{file.name} has no column {name}. Its columns: {', '.join(header)}."
            )
    for number, row in enumerate(body, start=2):
        if len(row) < len(header):
            raise DataError(
                f"{file.name}, line {number} has {len(row)} fields, not {len(header)}."
            )
    return {name: [row[places[name]].strip() for row in body] for name in wanted}

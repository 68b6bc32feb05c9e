"""Reads tables of pairs, and of a new user's ratings, as `benchbox run` reads ratings.

That is: delimited text with any usual separator, packed or not, or Parquet; columns
are known by their usual names.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchbox.data import Table, Wanted, find_column, open_table, role_of
from benchbox.errors import DataError, UsageError, os_error_line
from benchbox.records import scratch_folder

_ROLES = ("user", "item", "rating")


@dataclass(frozen=True, slots=True)
class TextRows:
    """The rows of a table as text.

    Attributes:
        names: Names of the columns; those of a file without names are their roles.
        columns: Fields of each column, by row.
        places: Position of a column by its role, such as ``user`` or ``title``.
        where: Describes the location of a row.
    """

    names: Sequence[str]
    columns: Sequence[Sequence[str]]
    places: Mapping[str, int]
    where: Callable[[int], str]

    def of(self, role: str) -> Sequence[str]:
        """Return the fields of the column with this role."""
        return self.columns[self.places[role]]


def read_rows(
    file: Path,
    needed: Sequence[str],
    *,
    either: Sequence[str] = (),
    columns: str = "",
    are_ids: Callable[[Sequence[str]], bool] = lambda fields: False,
) -> TextRows:
    """Return the rows of a table whose columns have the roles *needed*.

    Args:
        file: The table. Without names of columns, it has those needed first, in order.
        needed: Roles that are required, such as ``user`` and ``item``.
        either: Roles of which one is required.
        columns: Names of columns by role, as in ``user=who,item=what``; others are
            known by their usual names.
        are_ids: Returns whether the fields of the first row, in the order of *needed*,
            are ids of the data rather than names of columns.

    Raises:
        DataError: A column is missing, a row is broken, or the file is unreadable.
        UsageError: *columns* is not of this form.
    """
    try:
        with _lasting(file) as path:
            return _read(open_table(path), file, needed, either, columns, are_ids)
    except OSError as error:
        raise DataError(f"Cannot read {os_error_line(error)}") from None


def _read(
    table: Table,
    file: Path,
    needed: Sequence[str],
    either: Sequence[str],
    columns: str,
    are_ids: Callable[[Sequence[str]], bool],
) -> TextRows:
    places = _places(table, columns)
    names = [name.strip().lstrip("\ufeff") for name in table.first]
    headed = table.states_names or bool(places) or not are_ids(names)
    if not headed:
        names = [*needed, *(f"column {n + 1}" for n in range(len(needed), len(names)))]
        places = {role: place for place, role in enumerate(needed)}
    _check(file, names, places, needed, either)
    ids = {places[role]: role for role in ("user", "item") if role in places}
    asked = [ids.get(n, str(n)) for n in range(len(table.first))]
    found = table.read(
        {name: Wanted(n, "id" if n in ids else "text") for n, name in enumerate(asked)},
        headed=headed,
    )

    def texts(name: str) -> list[str]:
        if name not in found.ids:
            return [text.strip() for text in found.texts[name].tolist()]
        column = found.ids[name]
        return [column.names[code] for code in column.codes.tolist()]

    return TextRows(
        names=names,
        columns=[texts(name) for name in asked],
        places=places,
        where=lambda row: table.where(row, headed=headed),
    )


def _places(table: Table, columns: str) -> dict[str, int]:
    """Return the position of each column whose role is known by its name or given."""
    places: dict[str, int] = {}
    for place, name in enumerate(table.first):
        plain = name.strip().lstrip("\ufeff")
        places.setdefault(role_of(plain) or plain.lower(), place)
    known = {role: places[role] for role in (*_ROLES, "title") if role in places}
    for part in columns.split(",") if columns else ():
        role, equals, name = (word.strip() for word in part.partition("="))
        if not equals or role not in _ROLES:
            raise UsageError(
                f"{part!r} in --columns {columns!r} is invalid. Write the name of each "
                f"of {', '.join(_ROLES)}, as in user=userId,item=movieId."
            )
        known[role] = find_column(table, name)
    return known


def _check(
    file: Path,
    names: Sequence[str],
    places: Mapping[str, int],
    needed: Sequence[str],
    either: Sequence[str],
) -> None:
    wanted = [*needed]
    if either and not any(role in places for role in either):
        wanted.append(" or ".join(either))
    for role in wanted:
        if role not in places:
            raise DataError(
                f"{file.name} has no column {role}. Its columns: {', '.join(names)}. "
                f"Rename one, or say which it is, as in --columns {needed[0]}=…"
            )


@contextmanager
def _lasting(file: Path) -> Iterator[Path]:
    """Provide *file*, or a copy of what a pipe holds, which can be read only once."""
    if file.is_file() or not file.exists():
        with file.open("rb"):
            yield file
        return
    with scratch_folder() as scratch, file.open("rb") as pipe:
        copy = scratch / file.name
        with copy.open("wb") as kept:
            shutil.copyfileobj(pipe, kept)
        yield copy

"""Reads tables of pairs, and of a new user's ratings, as `benchbox run` reads ratings.

That is: delimited text with any usual separator, packed or not, or Parquet; columns
are known by their usual names.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchbox.data import (
    Table,
    Wanted,
    find_column,
    open_table,
    rank_of,
    separator,
)
from benchbox.errors import DataError, UsageError, os_error_line
from benchbox.options import Options, decode, split_choice
from benchbox.records import scratch_folder

_ROLES = ("user", "item", "rating", "timestamp")
_NONE = "-"


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


class TableOptions(Options, frozen=True):
    """Options after the name of a table, as in ``pairs.csv:encoding=latin-1``.

    Attributes:
        delimiter: Field separator, or its name: tab, comma or space; by default
            guessed from the file.
        encoding: Text encoding.
    """

    delimiter: str = ""
    encoding: str = "utf-8"


def read_rows(
    choice: str,
    needed: Sequence[str],
    *,
    either: Sequence[str] = (),
    columns: str = "",
    are_ids: Callable[[Sequence[str]], bool] = lambda fields: False,
) -> TextRows:
    """Return the rows of a table whose columns have the roles *needed*.

    Args:
        choice: File with the table, which may be followed by `TableOptions`. Without
            names of columns, it has those needed first, in order.
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
    file, options = _chosen(choice)
    delimiter = separator(options.delimiter)
    try:
        with _lasting(file) as path:
            table = open_table(path, delimiter=delimiter, encoding=options.encoding)
            return _read(table, file, needed, either, columns, are_ids)
    except OSError as error:
        raise DataError(f"Cannot read {os_error_line(error)}") from None


def _chosen(choice: str) -> tuple[Path, TableOptions]:
    """Return the file and the options that *choice* names."""
    if Path(choice).exists():
        return Path(choice), TableOptions()
    name, settings = split_choice(choice)
    return Path(name), decode(TableOptions, settings, name)


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
    known: dict[str, int] = {}
    for role in (*_ROLES, "title"):
        ranks = [
            (rank, place)
            for place, name in enumerate(table.first)
            if (rank := _rank(name.lstrip("\ufeff"), role)) is not None
        ]
        if ranks:
            known[role] = min(ranks)[1]
    for part in columns.split(",") if columns else ():
        role, equals, name = (word.strip() for word in part.partition("="))
        if not equals or role not in _ROLES:
            raise UsageError(
                f"{part!r} in --columns {columns!r} is invalid. Write the name of each "
                f"of {', '.join(_ROLES)}, as in user=userId,item=movieId."
            )
        if (role, name) == ("timestamp", _NONE):
            known.pop(role, None)
        else:
            known[role] = find_column(table, name)
    return known


def _rank(name: str, role: str) -> int | None:
    """Return how well the name of a column fits a role, from 0; `None`: not at all."""
    if role == "title":
        return 0 if name.strip().lower() == role else None
    return rank_of(name, role)


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

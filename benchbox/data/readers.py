"""Reads raw ratings and features from tables, as a card declares them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.data.cards import DatasetCard, FeatureTable, RatingsTable
from benchbox.data.indexing import canonical
from benchbox.data.raw import IdColumn, RawFeatures, RawRatings
from benchbox.data.subsets import keep_rows
from benchbox.data.tables.fields import (
    Columns,
    Kind,
    Wanted,
    flaw_in,
    has_decimal_comma,
)
from benchbox.data.tables.names import role_of
from benchbox.data.tables.roles import Choice, choose_columns, find_column
from benchbox.data.tables.table import ArrowTable, Table, TextTable, open_table
from benchbox.data.tables.text import NOT_RATED
from benchbox.data.times import (
    Times,
    Unit,
    from_numbers,
    from_texts,
    not_understood,
    seconds_of,
)
from benchbox.errors import DataError, PluginError, counted
from benchbox.options import Options

_LEAST_WIDE = 4
_N_LOOKED_AT = 100
_IF_WIDE = (
    "If it is a matrix with a row per user and a column per item, say so: "
    "layout=matrix, and what its first column holds: first=ids, counts or ratings."
)

_KINDS: Mapping[str, Kind] = {
    "user": "id",
    "item": "id",
    "rating": "number",
    "timestamp": "seconds",
}


def read_declared(
    files: Mapping[str, Path], card: DatasetCard, options: Options
) -> RawRatings:
    """Read the tables that the card declares.

    Raises:
        PluginError: The card declares no table of ratings, or one that its source
            lacks.
        DataError: A table cannot be read.
    """
    if card.ratings is None:
        raise PluginError(
            f"The card of data set {card.name!r} has neither a reader nor a table of "
            f"ratings. Give it one of them."
        )
    tables = [each for each in (card.ratings, card.users, card.items) if each]
    if lost := [table.file for table in tables if table.file not in files]:
        raise PluginError(
            f"The card of data set {card.name!r} reads {lost[0]!r}, which is not among "
            f"the files of its source: {', '.join(files)}. Name it under the source."
        )
    raw = read_ratings(files[card.ratings.file], card.ratings)
    return replace(
        raw,
        user_features=_declared_features(files, card.users),
        item_features=_declared_features(files, card.items),
    )


def read_ratings(path: Path, layout: RatingsTable) -> RawRatings:
    """Read a table of ratings; timestamps are rounded down to whole seconds.

    Args:
        path: The file.
        layout: Columns and format; its ``file`` is ignored.

    Raises:
        DataError: The table cannot be read, or has no ratings.
    """
    table = open_layout(path, layout)
    return read_chosen(table, choice_of(table, layout.columns), layout)


def open_layout(path: Path, layout: RatingsTable) -> Table:
    """Open a file whose format *layout* states.

    Raises:
        DataError: It cannot be read as such.
    """
    return open_table(
        path,
        delimiter=layout.delimiter,
        encoding=layout.encoding,
        decimal="." if layout.decimal == "auto" else layout.decimal,
        member=layout.member,
    )


def read_chosen(
    table: Table, choice: Choice, layout: RatingsTable, user: str = ""
) -> RawRatings:
    """Read the ratings of a table whose columns are known.

    Args:
        table: The table, as `open_layout` opens it.
        choice: Roles of its columns.
        layout: Format of the table.
        user: Id of the user whose ratings all of these are, if no column holds it.

    Raises:
        DataError: The table cannot be read, or has no ratings.
    """
    table = with_decimal(table, layout, choice)
    try:
        columns, times = _read_with_times(table, choice, layout.time)
        notes = columns.notes
    except DataError as error:
        if "timestamp" not in choice.doubtful:
            raise
        name = table.first[choice.positions["timestamp"]]
        choice = choice.without("timestamp")
        columns, times = _read_with_times(table, choice, layout.time)
        left = f"The column {name!r} is left out. {error}"
        notes = (*columns.notes, left)
    if not columns.n_rows:
        raise DataError(
            f"{table.path.name} has a header but no ratings. Give a file with ratings."
        )
    nobody = IdColumn(codes=np.zeros(columns.n_rows, dtype=np.int32), names=[user])
    raw = RawRatings(
        # Here, so that later no second copy of the codes is needed beside the first.
        users=nobody if user else canonical(columns.ids["user"]),
        items=canonical(columns.ids["item"]),
        values=columns.numbers["rating"],
        timestamps=None if times is None else times.seconds,
        where=lambda row: table.where(row, headed=choice.headed),
        notes=notes,
        described=_described(table, choice, times),
    )
    return without(raw, layout.missing) if layout.missing else raw


def without(raw: RawRatings, codes: Sequence[float]) -> RawRatings:
    """Return the ratings that are none of *codes*, and note what is left out.

    Raises:
        DataError: None are left.
    """
    kind = raw.values.dtype.type
    counts = {code: np.count_nonzero(raw.values == kind(code)) for code in codes}
    stays = ~np.isin(raw.values, np.array(codes, dtype=kind))
    if not stays.any():
        raise DataError('All ratings mean "not rated", according to missing=….')
    said = " and ".join(
        f"{counted(int(n), 'rating')} of {code:g}" for code, n in counts.items()
    )
    kept = raw if stays.all() else keep_rows(raw, stays)
    return replace(kept, notes=(*kept.notes, f"Left out: {said} (missing)."))


def read_features(path: Path, layout: FeatureTable) -> RawFeatures:
    """Read a table of features.

    Args:
        path: The file.
        layout: Columns and format; its ``file`` is ignored.

    Raises:
        DataError: The table cannot be read, or lacks a column.
    """
    table = open_table(path, delimiter=layout.delimiter, encoding=layout.encoding)
    wanted = {
        name: Wanted(
            _place(table, layout, column),
            "number" if name in layout.integers else "text",
        )
        for name, column in {"": layout.id, **layout.columns}.items()
    }
    columns = table.read(wanted, headed=not layout.header)
    features: dict[str, NDArray[Any]] = {
        name: columns.numbers[name].astype(np.int64)
        if name in layout.integers
        else columns.texts[name]
        for name in layout.columns
    }
    return RawFeatures(ids=columns.texts[""].tolist(), columns=features)


def with_decimal(
    table: Table, layout: RatingsTable, choice: Choice | None = None
) -> Table:
    """Return *table* with a decimal comma, and a note, if its numbers have one.

    Args:
        table: The table.
        layout: Its format; only with ``auto`` is the decimal point looked for.
        choice: Roles of its columns; `None` for a matrix, whose columns all but the
            first hold ratings.
    """
    if layout.decimal != "auto" or not isinstance(table, TextTable):
        return table
    headed = 1 if choice is None else int(choice.headed)
    places = slice(1, None) if choice is None else _only(choice.positions["rating"])
    texts = [
        text
        for _, fields in islice(table.records(), headed, _N_LOOKED_AT)
        for text in fields[places]
    ]
    if _decimal_of(texts) != ",":
        return table
    note = "Ratings are read with a decimal comma; decimal=point reads them without."
    return replace(table, decimal=",", notes=(*table.notes, note))


def _only(position: int) -> slice:
    return slice(position, position + 1)


def _decimal_of(texts: Sequence[str]) -> str | None:
    """Return the decimal point with which *texts*, unless blank, are all numbers."""
    filled = [text for text in texts if text.strip() not in NOT_RATED]
    if not any(flaw_in(text, "", "number") for text in filled):
        return "."
    # Several numbers with a comma are needed: one may be a slip, or thousands.
    commas = [text for text in filled if "," in text]
    if len(commas) < min(2, len(filled)) or not all(map(has_decimal_comma, commas)):
        return None
    return None if any(flaw_in(t, "", "number", ",") for t in filled) else ","


def _read_with_times(
    table: Table, choice: Choice, unit: Unit
) -> tuple[Columns, Times | None]:
    kinds = dict(_KINDS)
    if "timestamp" in choice.positions:
        kinds["timestamp"] = _kind_of_times(table, choice)
    wanted = {r: Wanted(p, kinds[r]) for r, p in choice.positions.items()}
    columns = table.read(wanted, headed=choice.headed)

    def where(row: int) -> str:
        return table.where(row, headed=choice.headed)

    if "timestamp" in columns.seconds:
        return columns, from_numbers(columns.seconds["timestamp"], unit, where)
    if "timestamp" in columns.ids:
        return columns, from_texts(columns.ids["timestamp"], unit, where)
    return columns, None


def _kind_of_times(table: Table, choice: Choice) -> Kind:
    """Return whether times are numbers, or texts that are read as ids are.

    Raises:
        DataError: The first of them is neither a number nor a date; names the line.
    """
    position = choice.positions["timestamp"]
    if isinstance(table, ArrowTable):
        return "id" if table.holds_dates(position) else "seconds"
    if not isinstance(table, TextTable):
        return "seconds"
    for line, fields in islice(table.records(), choice.headed, _N_LOOKED_AT):
        text = fields[position].strip() if position < len(fields) else ""
        if seconds_of(text) is not None:
            return "id"
        if text and any(map(str.isalpha, text)) and flaw_in(text, "", "seconds"):
            where = f"{table.path.name}, line {line}"
            raise DataError(f"{where}: {not_understood(text)}")
        if text:
            break
    return "seconds"


def _described(table: Table, choice: Choice, times: Times | None) -> dict[str, str]:
    """Return which column has which role, and why."""
    described = {}
    for role, position in choice.positions.items():
        name = table.first[position].strip() if choice.headed else f"{position}"
        form = f"; {times.form}" if role == "timestamp" and times is not None else ""
        described[f"{role} column"] = f"{name} ({choice.how[role]}{form})"
    if not choice.headed:
        described["header"] = "none, so columns are numbered from 0"
    others = [
        (table.first[position].strip() if choice.headed else "") or f"{position}"
        for position in range(len(table.first))
        if position not in choice.positions.values()
    ]
    if others:
        described["unused columns"] = ", ".join(others)
    return described


def choice_of(table: Table, columns: str | None) -> Choice:
    """Return the roles of the columns of *table*; see `choose_columns`.

    Raises:
        UsageError: *columns* is invalid.
        DataError: A column is missing; says so if the table looks like a matrix.
    """
    try:
        return choose_columns(table, columns)
    except DataError as error:
        if columns is None and _looks_wide(table):
            raise DataError(f"{str(error).rstrip('.')}. {_IF_WIDE}") from None
        raise


def _looks_wide(table: Table) -> bool:
    """Return whether a table may have a row per user and a column per item."""
    if not isinstance(table, TextTable) or len(table.first) < _LEAST_WIDE:
        return False
    if {"item", "rating"} & set(map(role_of, table.first)):
        return False
    rows = [fields[1:] for _, fields in islice(table.records(), 1, _N_LOOKED_AT)]
    return _decimal_of([text for row in rows for text in row]) is not None


def is_matrix(table: Table) -> bool:
    """Return whether a table surely has a row per user and a column per item.

    That is so if its first column is called as users are, or not at all, if neither it
    nor the first line names anything twice, and if all else are numbers or blanks.
    """
    if not _looks_wide(table) or not isinstance(table, TextTable):
        return False
    if table.first[0].strip() and role_of(table.first[0]) != "user":
        return False
    ids = [fields[0] for _, fields in islice(table.records(), 1, _N_LOOKED_AT)]
    return bool(ids) and all(len(set(n)) == len(n) for n in (ids, table.first))


def _declared_features(
    files: Mapping[str, Path], layout: FeatureTable | None
) -> RawFeatures | None:
    return None if layout is None else read_features(files[layout.file], layout)


def _place(table: Table, layout: FeatureTable, column: str) -> int:
    if layout.header:
        return layout.header.index(column)
    return find_column(table, column)

"""Finds the columns of a table that hold the user, item, rating and timestamp."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchbox.data.tables.table import Table
from benchbox.errors import DataError, UsageError, nearest

ROLES = ("user", "item", "rating", "timestamp")
REQUIRED = ROLES[:3]

HINT = "Say which is which, as in --columns user=..,item=..,rating=..,timestamp=.."

_USUAL_NAMES = {
    "user": ("user", "userid", "uid", "reviewerid"),
    "item": ("item", "itemid", "iid", "movie", "movieid", "book", "bookid", "isbn"),
    "rating": ("rating", "ratings", "stars", "score", "bookrating"),
    "timestamp": ("timestamp", "time", "unixreviewtime"),
}
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")


@dataclass(frozen=True, slots=True)
class Choice:
    """The roles of a table's columns.

    Attributes:
        positions: Column position by role, from 0; timestamp may be absent.
        headed: Whether the first line is a header.
    """

    positions: Mapping[str, int]
    headed: bool


def choose_columns(table: Table, columns: str | None = None) -> Choice:
    """Return the roles of the columns of *table*.

    Args:
        table: The opened table.
        columns: Column names by role, as in
            ``"user=userId,item=movieId,rating=stars"``; or, for a file without a
            header, the roles in the order of the columns, as in
            ``"user,item,rating,-,timestamp"``, or column positions from 0, as in
            ``"user=0,item=2,rating=5"``. By default, columns are found by their usual
            names; a file without such names is read as user, item, rating and
            timestamp, in this order.

    Raises:
        UsageError: *columns* is not of this form.
        DataError: A column is missing, or two columns could have the same role.
    """
    if columns is None:
        return _found(table)
    parts = [part.strip() for part in columns.split(",")]
    if any("=" in part for part in parts):
        return _named(table, _pairs(parts, columns))
    return _ordered(table, parts, columns)


def role_of(name: str) -> str | None:
    """Return the role, one of `ROLES`, that a column name suggests, if any."""
    plain = _plain(name)
    return next((r for r in ROLES if plain in _USUAL_NAMES[r]), None)


def find_column(table: Table, name: str) -> int:
    """Return the position of the column called *name*.

    Raises:
        DataError: There is no such column; lists those that there are.
    """
    names = [_bare(field) for field in table.first]
    for spelling in (table.first, names):
        if name in spelling:
            return spelling.index(name)
    raise DataError(
        f"{table.path.name} has no column {name!r}.{nearest(name, names)} "
        f"Its columns: {', '.join(names)}."
    )


def _found(table: Table) -> Choice:
    plain = [_plain(field) for field in table.first]
    found = {role: _only(table, plain, role) for role in ROLES}
    positions = {role: place for role, place in found.items() if place is not None}
    missing = [role for role in REQUIRED if role not in positions]
    if not missing:
        return Choice(positions, headed=True)
    if not positions and not table.states_names and _looks_like_data(table.first):
        return Choice(
            {role: place for place, role in enumerate(ROLES[: len(plain)])},
            headed=False,
        )
    raise DataError(
        f"{table.path.name} has no column known as {' or '.join(missing)}. "
        f"Its columns: {', '.join(map(_bare, table.first))}. {HINT}"
    )


def _only(table: Table, plain: Sequence[str], role: str) -> int | None:
    places = [p for p, name in enumerate(plain) if name in _USUAL_NAMES[role]]
    if len(places) > 1:
        names = " and ".join(repr(table.first[place]) for place in places)
        raise DataError(f"{table.path.name} has two {role} columns: {names}. {HINT}")
    return places[0] if places else None


def _looks_like_data(fields: Sequence[str]) -> bool:
    return len(fields) in (3, 4) and all(map(_NUMBER.fullmatch, fields[2:]))


def _pairs(parts: Sequence[str], columns: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in parts:
        role, equals, name = part.partition("=")
        if not equals or role not in ROLES or role in pairs or not name:
            raise UsageError(
                f"{part!r} in --columns {columns!r} is invalid. Write each of "
                f"{', '.join(ROLES)} once, with its name, as in user=userId."
            )
        pairs[role] = name
    _require(pairs, columns)
    return pairs


def _named(table: Table, pairs: Mapping[str, str]) -> Choice:
    if all(name.isdecimal() for name in pairs.values()) and not table.states_names:
        places = {role: int(name) for role, name in pairs.items()}
        _check_width(table, max(places.values()) + 1)
        return Choice(_distinct(places), headed=False)
    places = {role: find_column(table, name) for role, name in pairs.items()}
    return Choice(_distinct(places), headed=True)


def _distinct(places: Mapping[str, int]) -> Mapping[str, int]:
    roles = {place: role for role, place in places.items()}
    for role, place in places.items():
        if roles[place] != role:
            raise UsageError(
                f"--columns gives one column to both {role} and {roles[place]}. Give "
                f"each its own."
            )
    return places


def _ordered(table: Table, parts: Sequence[str], columns: str) -> Choice:
    roles = [part for part in parts if part not in ("", "-")]
    unknown = [part for part in roles if part not in ROLES]
    if unknown or len(set(roles)) < len(roles):
        raise UsageError(
            f"--columns {columns!r} is invalid. Write each of {', '.join(ROLES)} "
            f"once, in the order of the file, and - for a column to skip."
        )
    _require(roles, columns)
    if table.states_names:
        raise UsageError(
            f"{table.path.name} names its columns: {', '.join(table.first)}. {HINT}"
        )
    _check_width(table, len(parts))
    return Choice({role: parts.index(role) for role in roles}, headed=False)


def _require(roles: Sequence[str] | Mapping[str, str], columns: str) -> None:
    missing = [role for role in REQUIRED if role not in roles]
    if missing:
        raise UsageError(
            f"--columns {columns!r} does not say where the {' and '.join(missing)} is."
        )


def _check_width(table: Table, n_columns: int) -> None:
    if n_columns > len(table.first):
        raise DataError(
            f"{table.path.name} has {len(table.first)} columns, but --columns needs "
            f"{n_columns}. Its first line: {', '.join(table.first)}."
        )


def _bare(field: str) -> str:
    """Return a name without the type suffix of RecBole files, such as ``:token``."""
    return field.strip().partition(":")[0]


def _plain(field: str) -> str:
    return re.sub(r"[\s_-]", "", _bare(field)).lower()

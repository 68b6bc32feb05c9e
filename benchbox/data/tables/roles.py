"""Finds the columns of a table that hold the user, item, rating and timestamp."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from benchbox.data.tables.names import N_SURE, ROLES, bare_name, rank_of
from benchbox.data.tables.table import Table
from benchbox.data.times import seconds_of
from benchbox.errors import DataError, UsageError, nearest

REQUIRED = ROLES[:3]

HINT = "Say which is which, as in --columns user=..,item=..,rating=..,timestamp=.."
_HINT_BY_NUMBER = (
    "Say which is which by these numbers, as in --columns user=0,item=1,rating=2"
)

_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
_PART = re.compile(r'\s*(\w+\s*=\s*"(?:[^"]|"")*"|[^,]*?)\s*(,|$)')
_NONE = "-"

STATED = "as stated"
BY_NAME = "by its name"
LIKELY = "likely, by its name"
BY_PLACE = "only by its place"


@dataclass(frozen=True, slots=True)
class Choice:
    """The roles of a table's columns.

    Attributes:
        positions: Column position by role, from 0; timestamp may be absent.
        headed: Whether the first line is a header.
        how: Why each role was given to its column: `STATED`, `BY_NAME`,
            `LIKELY` or `BY_PLACE`.
        doubtful: Roles of columns whose name alone does not settle them.
    """

    positions: Mapping[str, int]
    headed: bool
    how: Mapping[str, str] = field(default_factory=dict, compare=False)
    doubtful: frozenset[str] = field(default=frozenset(), compare=False)

    def without(self, role: str) -> Self:
        """Return this choice without the column of *role*."""
        positions = {r: p for r, p in self.positions.items() if r != role}
        return replace(self, positions=positions, doubtful=self.doubtful - {role})


def choose_columns(table: Table, columns: str | None = None) -> Choice:
    """Return the roles of the columns of *table*.

    Args:
        table: The opened table.
        columns: Column names by role, as in
            ``"user=userId,item=movieId,rating=stars"``. The others are found by their
            usual names; ``timestamp=-`` reads no times. A name that holds a comma is
            written in double quotes, which are doubled within. For a file without a
            header: the roles in the order of the columns, as in
            ``"user,item,rating,-,timestamp"``, or column positions from 0, as in
            ``"user=0,item=2,rating=5"``. By default, a file without usual names is
            read as user, item, rating and timestamp, in this order.

    Raises:
        UsageError: *columns* is not of this form.
        DataError: A column is missing, or two columns could have the same role.
    """
    if columns is None:
        return _found(table)
    parts = _split(columns)
    if any("=" in part for part in parts):
        return _named(table, _pairs(parts, columns))
    return _ordered(table, parts, columns)


def find_column(table: Table, name: str) -> int:
    """Return the position of the column called *name*.

    Raises:
        DataError: There is no such column; lists those that there are.
    """
    names = [bare_name(field) for field in table.first]
    for spelling in (table.first, names):
        if name in spelling:
            return spelling.index(name)
    raise DataError(
        f"{table.path.name} has no column {name!r}.{nearest(name, names)} "
        f"Its columns: {', '.join(names)}."
    )


def _found(table: Table) -> Choice:
    choice = _by_names(table, {})
    if not choice.positions and not table.states_names:
        if _looks_like_data(table.first):
            places = {role: n for n, role in enumerate(ROLES[: len(table.first)])}
            how = dict.fromkeys(places, BY_PLACE)
            return Choice(places, headed=False, how=how)
        if any(map(_NUMBER.fullmatch, table.first)):
            raise DataError(
                f"{_unknown(table, REQUIRED)} Its first line, numbered from 0: "
                f"{_numbered(table.first)}. {_HINT_BY_NUMBER}"
            )
    return _complete(table, choice)


def _by_names(table: Table, given: Mapping[str, int]) -> Choice:
    """Return the roles that are given, and those that usual names settle."""
    positions, how, doubtful = dict(given), dict.fromkeys(given, STATED), set()
    for role in ROLES:
        if role in given:
            continue
        ranked = [
            (rank, place)
            for place, name in enumerate(table.first)
            if place not in given.values() and (rank := rank_of(name, role)) is not None
        ]
        if not ranked:
            continue
        best = min(rank for rank, _ in ranked)
        places = [place for rank, place in ranked if rank == best]
        if len(places) > 1:
            names = " and ".join(repr(table.first[place]) for place in places)
            raise DataError(
                f"{table.path.name} has two {role} columns: {names}. {HINT}"
            )
        positions[role], how[role] = places[0], BY_NAME if best == 0 else LIKELY
        if best >= N_SURE.get(role, best + 1):
            doubtful.add(role)
    in_order = {role: positions[role] for role in ROLES if role in positions}
    return Choice(in_order, headed=True, how=how, doubtful=frozenset(doubtful))


def _complete(table: Table, choice: Choice) -> Choice:
    missing = [role for role in REQUIRED if role not in choice.positions]
    if missing:
        raise DataError(
            f"{_unknown(table, missing)} Its columns: "
            f"{', '.join(map(bare_name, table.first))}. {HINT}"
        )
    return choice


def _unknown(table: Table, missing: Sequence[str]) -> str:
    return f"{table.path.name} has no column known as {' or '.join(missing)}."


def _numbered(fields: Sequence[str]) -> str:
    return ", ".join(f"{place}={text[:40]}" for place, text in enumerate(fields))


def _looks_like_data(fields: Sequence[str]) -> bool:
    """Return whether *fields* are a user, an item, a rating and perhaps a time."""
    if len(fields) not in (3, 4) or not _NUMBER.fullmatch(fields[2]):
        return False
    return all(_NUMBER.fullmatch(f) or seconds_of(f) is not None for f in fields[3:])


def _split(columns: str) -> list[str]:
    """Split *columns* at commas outside of quoted names."""
    parts, start = [], 0
    while True:
        found = _PART.match(columns, start)
        assert found is not None
        parts.append(found[1])
        if not found[2]:
            return parts
        start = found.end()


def _unquoted(name: str) -> str:
    is_quoted = len(name) > 1 and name[0] == name[-1] == '"'
    return name[1:-1].replace('""', '"') if is_quoted else name


def _pairs(parts: Sequence[str], columns: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in parts:
        role, equals, name = (piece.strip() for piece in part.partition("="))
        if not equals or role not in ROLES or role in pairs or not name:
            raise UsageError(
                f"{part!r} in --columns {columns!r} is invalid. Write each of "
                f"{', '.join(ROLES)} once, with its name, as in user=userId."
            )
        if name == _NONE and role in REQUIRED:
            raise UsageError(f"--columns {columns!r} leaves out the {role}. Name it.")
        pairs[role] = name
    return pairs


def _named(table: Table, pairs: Mapping[str, str]) -> Choice:
    named = {role: name for role, name in pairs.items() if name != _NONE}
    if named and all(map(str.isdecimal, named.values())) and not table.states_names:
        _require(list(named), ",".join(f"{r}={n}" for r, n in pairs.items()))
        places = {role: int(name) for role, name in named.items()}
        _check_width(table, max(places.values()) + 1)
        how = dict.fromkeys(places, STATED)
        return Choice(_distinct(places), headed=False, how=how)
    places = {r: find_column(table, _unquoted(name)) for r, name in named.items()}
    choice = _complete(table, _by_names(table, _distinct(places)))
    return choice.without("timestamp") if _NONE in pairs.values() else choice


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
    how = dict.fromkeys(roles, STATED)
    return Choice({role: parts.index(role) for role in roles}, headed=False, how=how)


def _require(roles: Sequence[str], columns: str) -> None:
    missing = [role for role in REQUIRED if role not in roles]
    if missing:
        raise UsageError(
            f"--columns {columns!r} does not say where the {' and '.join(missing)} is."
        )


def _check_width(table: Table, n_columns: int) -> None:
    if n_columns > len(table.first):
        raise DataError(
            f"{table.path.name} has {len(table.first)} columns, but --columns needs "
            f"{n_columns}. Its first line, numbered from 0: {_numbered(table.first)}."
        )

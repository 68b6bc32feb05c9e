"""Fits tables and paragraphs to the width of the terminal.

A table that is too wide first loses its spreads, then long labels are folded between
options, and then columns are left out, the least important first, and listed below.
"""

import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from textwrap import TextWrapper, fill

from benchbox.errors import counted

_LEAST_FOLD = 12
"""Least width of a folded column, when no more columns can be left out."""

_GAP = "  "

_UNIT = re.compile(r"(?<=\d) (?=(?:%|s|ms|[KMG]iB)(?!\w))")
"""The blank between a number and its unit, which are on one line."""

_NO_BREAK = "\u00a0"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """A table for a terminal, at its full width.

    Attributes:
        headings: Heading of each column; it may have several lines.
        rows: Cells of each row.
        words: Positions of the columns that hold words; the others hold numbers.
        gives_way: Positions of the columns that may be left out, in that order.
        short: Shorter cells by column position, such as those without a spread.
        folds: Positions of the columns whose cells may be folded into several lines.
        fold_to: Width of folded columns while other columns are left out.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Collection[int] = (0,)
    gives_way: Sequence[int] = ()
    short: Mapping[int, Sequence[str]] = field(default_factory=dict)
    folds: Collection[int] = (0,)
    fold_to: int = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedTable:
    """A table that fits a width.

    Attributes:
        head: Lines of the headings, and the rule below.
        rows: Lines of each row.
        left_out: Names of what is not shown.
        width: Width of the widest line.
    """

    head: list[str]
    rows: list[list[str]]
    left_out: list[str]
    width: int

    @property
    def text(self) -> str:
        """The whole table."""
        return "\n".join([*self.head, *(line for row in self.rows for line in row)])


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A way to make a table narrower."""

    short: Collection[int] = ()
    left_out: Collection[int] = ()
    fold_to: Mapping[int, int] = field(default_factory=dict)


def terminal_width() -> int:
    """Return the width of the terminal, or 100 without one."""
    return shutil.get_terminal_size((100, 24)).columns


def paragraph(text: str, width: int, indent: int = 0) -> str:
    """Return *text* wrapped to *width*, with all lines but the first indented."""
    # Model names contain hyphens and should not be split.
    filled = fill(
        _UNIT.sub(_NO_BREAK, text),
        width,
        break_on_hyphens=False,
        subsequent_indent=" " * indent,
    )
    return filled.replace(_NO_BREAK, " ")


def fitted(table: TextTable, width: int) -> FittedTable:
    """Return as much of *table* as fits into lines of *width*."""
    for attempt in _attempts(table):
        found = _typeset(table, attempt)
        if found.width <= width:
            break
    if not attempt.fold_to:
        return found
    # Use all of the width: widen folded columns, or narrow them further.
    change = (width - found.width) // len(attempt.fold_to)
    fold_to = {
        place: max(_LEAST_FOLD, _column_width(table, attempt, place) + change)
        for place in attempt.fold_to
    }
    return _typeset(table, replace(attempt, fold_to=fold_to))


def remark(left_out: Sequence[str], width: int, elsewhere: str) -> list[str]:
    """Return a line that says what was left out, if anything was.

    Args:
        left_out: Names of what was left out.
        width: Width of the terminal.
        elsewhere: Command or file that shows everything.
    """
    n = len(left_out)
    ways = [
        ", ".join(left_out[:shown]) + (f" and {n - shown} more" if shown < n else "")
        for shown in range(n, 0, -1)
    ]
    lines = [f"Not shown: {names} (see {elsewhere})." for names in ways]
    short = f"Not shown: {counted(n, 'column')} (see {elsewhere})."
    return [next((line for line in lines if len(line) <= width), short)] if n else []


def _attempts(table: TextTable) -> Iterator[_Attempt]:
    yield _Attempt()
    # Columns that cannot be left out lose their spreads last.
    droppable = [place for place in table.short if place in table.gives_way]
    yield _Attempt(droppable)
    fold_to = dict.fromkeys(table.folds, table.fold_to)
    for n in range(len(table.gives_way) + 1):
        yield _Attempt(droppable, table.gives_way[:n], fold_to)
    yield _Attempt(list(table.short), table.gives_way, fold_to)


def _typeset(table: TextTable, attempt: _Attempt) -> FittedTable:
    places = [n for n in range(len(table.headings)) if n not in attempt.left_out]
    head = [table.headings[place].splitlines() or [""] for place in places]
    rows = [
        [_lines(table, attempt, number, place) for place in places]
        for number in range(len(table.rows))
    ]
    widths = [
        max(len(line) for cell in column for line in cell)
        for column in zip(head, *rows, strict=True)
    ]
    is_left = [place in table.words for place in places]

    def typeset(cells: Sequence[Sequence[str]]) -> list[str]:
        """Return the lines of a row, each cell beginning in the first."""
        return [
            _GAP.join(
                line.ljust(width) if left else line.rjust(width)
                for line, width, left in zip(lines, widths, is_left, strict=True)
            ).rstrip()
            for lines in zip(*_level(cells), strict=True)
        ]

    hidden = [table.headings[p] for p in attempt.left_out]
    shortened = set(attempt.short) - set(attempt.left_out)
    is_less = any(
        cell != row[place]
        for place in shortened
        for cell, row in zip(table.short[place], table.rows, strict=True)
    )
    spreads = ["some ±"] if is_less else []
    return FittedTable(
        head=[*typeset(head), _GAP.join("-" * width for width in widths)],
        rows=[typeset(row) for row in rows],
        left_out=[*(" ".join(name.split()) for name in hidden), *spreads],
        width=sum(widths) + len(_GAP) * (len(widths) - 1),
    )


def _lines(table: TextTable, attempt: _Attempt, number: int, place: int) -> list[str]:
    """Return the lines of a cell."""
    if place in attempt.short:
        return [table.short[place][number]]
    text = table.rows[number][place]
    if place in attempt.fold_to:
        return _folded(text, attempt.fold_to[place])
    return [text]


def _level(cells: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the cells, padded to the same number of lines."""
    height = max(map(len, cells))
    return [[*lines, *[""] * (height - len(lines))] for lines in cells]


def _column_width(table: TextTable, attempt: _Attempt, place: int) -> int:
    """Return the width of a column's cells."""
    cells = [_lines(table, attempt, number, place) for number in range(len(table.rows))]
    return max((len(line) for lines in cells for line in lines), default=0)


class _Wrapper(TextWrapper):
    """Breaks lines at spaces and before options, but not inside numbers."""

    wordsep_simple_re = re.compile(r"(\s+|(?<=[,:])(?=[^\s\d]))")


def _folded(text: str, width: int) -> list[str]:
    """Return *text* in lines; continued options of a model are indented."""
    margin = len(text) - len(text.lstrip())
    indent = margin if " " in text.strip() else margin + 2
    wrapper = _Wrapper(width, subsequent_indent=" " * indent, break_on_hyphens=False)
    return wrapper.wrap(text) or [""]

"""Section: a table of one kind of figure, for programs and for people."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchbox.analysis import Interval
from benchbox.reports.numbers import MISSING

Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table of one kind of figure, none of which shares a column with another kind.

    Attributes:
        name: What it is called in records.
        title: Its heading.
        headings: Headings of the columns for people; the first is of the labels.
        cells: Rows for people.
        notes: What the figures mean.
        records: Rows for programs, with nothing rounded.
        gives_way: Places of columns that may be left out where room is scarce, the
            first to go first; programs get all.
        n_words: How many columns, from the first, hold words.
    """

    name: str
    title: str
    headings: list[str]
    cells: list[list[str]]
    notes: list[str]
    records: list[Record]
    gives_way: list[int] = field(default_factory=list)
    n_words: int = 1


def ends(name: str, interval: Interval | None) -> Record:
    """Return the ends of an interval as fields of a record."""
    return {
        f"{name}_low": None if interval is None else interval.low,
        f"{name}_high": None if interval is None else interval.high,
    }


def bounds(interval: Interval | None, text: Callable[[float], str]) -> str:
    """Return an interval in brackets, each end as *text* writes it."""
    if interval is None:
        return MISSING
    return f"[{text(interval.low)}, {text(interval.high)}]"


def signed_percent(value: float) -> str:
    """Return a share as per cent, always with its sign."""
    return f"{value * 100:+.2f}"


def p_value_of(value: float) -> str:
    """Return a p-value with its digits that matter."""
    return "<0.001" if value < 0.001 else f"{value:.3f}"

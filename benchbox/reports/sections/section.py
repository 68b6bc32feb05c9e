"""A section of the statistics: one table, for programs and for people."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchbox.analysis import Interval
from benchbox.reports.numbers import MISSING

Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table with one kind of figure; other kinds have other sections and columns.

    Attributes:
        name: Name in JSON and CSV.
        title: Heading of the section.
        headings: Column headings for people, with the labels' first.
        cells: Rows for people.
        notes: Explanations of the figures.
        records: Unrounded rows for programs.
        gives_way: Positions of columns that may be left out of narrow tables, in that
            order; programs get all columns.
        n_words: Number of columns, from the first, that hold words and not numbers.
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
    """Return an interval in brackets, with its ends formatted by *text*."""
    if interval is None:
        return MISSING
    return f"[{text(interval.low)}, {text(interval.high)}]"


def signed_percent(value: float) -> str:
    """Return a share in per cent, always with its sign."""
    return f"{value * 100:+.2f}"


def p_value_of(value: float) -> str:
    """Return a p-value with three digits."""
    return "<0.001" if value < 0.001 else f"{value:.3f}"

"""Columns: further columns of a run's tables, as plugins offer them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    """A column of a run's tables; making or listing one imports nothing.

    Attributes:
        name: Its name in CSV and JSON, kebab-case.
        summary: One line for people.
        heading: Its heading in tables for people.
        target: What fills a cell, as ``"package.module:function"``. It is called with
            the records of a model's trials that ended well, in one table, and returns
            a number, a text, or `None` for an empty cell.
    """

    name: str
    summary: str
    heading: str
    target: str

"""Columns that plugins add to the tables of runs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    """A column for the tables of runs. Creating it imports no code.

    Attributes:
        name: Name in CSV and JSON, kebab-case.
        summary: Description in one line.
        heading: Heading in text tables.
        target: Function that computes a cell, as ``"package.module:function"``. It
            takes the list of records of a model's successful trials in the table, and
            returns a number, a string, or `None` for an empty cell.
    """

    name: str
    summary: str
    heading: str
    target: str

"""Renders tables as CSV, unrounded, with one line per model and table."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from benchbox.records import RunRecord
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.structured import row_values

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How texts begin that a spreadsheet takes for formulas."""


def render(run: RunRecord, boards: list[Leaderboard]) -> str:
    """Return all tables as one CSV; each line includes data set, protocol and folds."""
    return csv_of(row_values(run, board, row) for board in boards for row in board.rows)


def csv_of(records: Iterable[Mapping[str, Any]]) -> str:
    """Return *records* as CSV, with a column for every key that any of them has.

    Texts that a spreadsheet would take for a formula get an apostrophe in front.
    """
    lines = [{key: _inert(v) for key, v in record.items()} for record in records]
    headings = list(dict.fromkeys(key for line in lines for key in line))
    text = io.StringIO()
    writer = csv.DictWriter(text, headings, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _inert(value: Any) -> Any:
    is_formula = isinstance(value, str) and value.startswith(_FORMULA)
    return f"'{value}" if is_formula else value

"""Renders tables as CSV, unrounded, with one line per model and table."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from benchbox.records import RunRecord
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.structured import row_values

_BEGIN = ("=", "+", "-", "@")
"""What a formula of a spreadsheet begins with; numbers are no text here."""


def render(run: RunRecord, boards: list[Leaderboard]) -> str:
    """Return all tables as one CSV; each line includes data set, protocol and folds."""
    return csv_of(row_values(run, board, row) for board in boards for row in board.rows)


def csv_of(records: Iterable[Mapping[str, Any]]) -> str:
    """Return *records* as CSV, with a column for every key that any of them has.

    Texts that a spreadsheet would take for a formula get an apostrophe in front.
    """
    lines = list(records)
    headings = list(dict.fromkeys(key for line in lines for key in line))
    text = io.StringIO()
    writer = csv.DictWriter(text, headings, lineterminator="\n")
    writer.writerow({heading: _harmless(heading) for heading in headings})
    writer.writerows({k: _harmless(v) for k, v in line.items()} for line in lines)
    return text.getvalue()


def _harmless(cell: Any) -> Any:
    """Return a cell in one line that no spreadsheet takes for a formula."""
    if not isinstance(cell, str):
        return cell
    line = " ".join(cell.splitlines())
    return f"'{line}" if line.lstrip().startswith(_BEGIN) else line

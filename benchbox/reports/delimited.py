"""Delimited: tables as CSV, one line per model and table, with nothing rounded."""

import csv
import io

from benchbox.records import RunRecord
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.structured import row_values


def render(run: RunRecord, boards: list[Leaderboard]) -> str:
    """Return all tables as one CSV; the definition of its numbers is in each line."""
    lines = [row_values(run, board, row) for board in boards for row in board.rows]
    headings = list(dict.fromkeys(key for line in lines for key in line))
    text = io.StringIO()
    writer = csv.DictWriter(text, headings, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()

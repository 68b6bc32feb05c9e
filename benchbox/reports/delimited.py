"""Renders tables as CSV, unrounded, with one line per model and table."""

import csv
import io

from benchbox.records import RunRecord
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.structured import row_values


def render(run: RunRecord, boards: list[Leaderboard]) -> str:
    """Return all tables as one CSV; each line includes data set, protocol and folds."""
    lines = [row_values(run, board, row) for board in boards for row in board.rows]
    headings = list(dict.fromkeys(key for line in lines for key in line))
    text = io.StringIO()
    writer = csv.DictWriter(text, headings, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()

"""Delimited: tables as CSV, one line per model and table, with nothing rounded."""

import csv
import io

from benchbox.records import RunRecord
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.structured import definition, flat


def render(run: RunRecord, boards: list[Leaderboard]) -> str:
    """Return all tables as one CSV; the definition of its numbers is in each line."""
    lines = []
    for board in boards:
        stage = board.stage
        shared = definition(run, stage) | {
            "folds": " ".join(fold.name for fold in stage.folds),
            "n_hidden": sum(fold.n_hidden for fold in stage.folds),
            "clipped": run.config.clip,
        }
        # A figure that measures no prediction has a column of its own.
        prefix = "flawed_" if stage.flaw else ""
        lines += [shared | flat(row, prefix) for row in board.rows]
    headings = list(dict.fromkeys(key for line in lines for key in line))
    text = io.StringIO()
    writer = csv.DictWriter(text, headings, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()

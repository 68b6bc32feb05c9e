"""Renders tables as Markdown, for a README, an issue or a pull request."""

from benchbox.records import RunRecord
from benchbox.reports.columns import columns, sign
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.notes import notes, title, troubles
from benchbox.reports.overview import render_markdown
from benchbox.reports.pipes import pipe_table


def render(run: RunRecord, boards: list[Leaderboard]) -> str:
    """Return the tables as Markdown; the best is bold, the tied are marked."""
    tables = [_board(run, board) for board in boards]
    if run.config.cases:
        tables.insert(0, render_markdown(run, boards))
    return "\n".join(tables)


def _board(run: RunRecord, board: Leaderboard) -> str:
    shown = columns(board)
    rows = []
    for row in board.rows:
        cells = [row.label, *(column.text(row) for column in shown)]
        if row.mark == "best":
            cells[:2] = [f"**{cell}**" for cell in cells[:2]]
        elif row.mark == "tied":
            cells[1] += " ~"
        cells[1] = f"{cells[1]} {sign(row)}".rstrip()
        rows.append(cells)
    table = pipe_table(["model", *(column.heading for column in shown)], rows)
    said = notes(run, board, best="bold", tied="~")
    remarks = "\n".join(f"- {text}" for text in [*said, *troubles(board)])
    return f"## {title(board.stage)}\n\n{table}\n\n{remarks}\n"

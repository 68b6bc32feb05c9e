"""Renders tables as plain text that fits the width of the terminal."""

from benchbox.records import RunRecord
from benchbox.reports.columns import columns, least_important, sign
from benchbox.reports.fitting import (
    TextTable,
    fitted,
    paragraph,
    remark,
    terminal_width,
)
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.notes import notes, title, troubles
from benchbox.reports.overview import render_plain
from benchbox.reports.recommendation import recommendation

_MARKS = {"best": "*", "tied": "~", "": ""}

_ELSEWHERE = "report -f csv"


def render(run: RunRecord, boards: list[Leaderboard]) -> str:
    """Return the tables as text for the current width of the terminal."""
    width = terminal_width()
    if run.config.cases:
        return render_plain(run, boards, width)
    return "\n\n".join(_board(run, board, width) for board in boards)


def _board(run: RunRecord, board: Leaderboard, width: int) -> str:
    table = fitted(_table(board), width)
    lines = [title(board.stage), "", table.text, ""]
    lines += remark(table.left_out, width, _ELSEWHERE)
    lines += [paragraph(text, width) for text in notes(run, board, best="*", tied="~")]
    problems = troubles(board)
    if problems:
        lines += ["", *(paragraph(text, width, indent=2) for text in problems)]
    in_short = f"In short: {' '.join(recommendation(board))}"
    lines += ["", paragraph(in_short, width)]
    return "\n".join(lines)


def _table(board: Leaderboard) -> TextTable:
    shown = columns(board)
    signs = [_MARKS[row.mark] + sign(row) for row in board.rows]
    # Pad to the longest, so that digits are aligned.
    width = max(map(len, signs), default=0)

    def cells(place: int, bare: bool) -> list[str]:
        column = shown[place]
        text = column.bare if bare and column.bare else column.text
        found = [text(row) for row in board.rows]
        if place:
            return found
        return [
            f"{cell} {signed.ljust(width)}"
            for cell, signed in zip(found, signs, strict=True)
        ]

    labels = [row.label for row in board.rows]
    full = [cells(place, bare=False) for place in range(len(shown))]
    return TextTable(
        headings=["model", *(column.heading for column in shown)],
        rows=list(zip(labels, *full, strict=True)),
        gives_way=[place + 1 for place in least_important(shown, board.rows)],
        short={
            place + 1: cells(place, bare=True)
            for place, column in enumerate(shown)
            if column.bare
        },
    )

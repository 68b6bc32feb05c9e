"""Renders tables as plain text that fits the width of the terminal."""

from benchbox.records import RunRecord
from benchbox.reports.columns import (
    columns,
    least_important,
    marked_place,
    ordered,
    sign,
)
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
    if run.config.cases and not any(board.view.is_chosen for board in boards):
        return render_plain(run, boards, width)
    return "\n\n".join(_board(run, board, width) for board in boards)


def _board(run: RunRecord, board: Leaderboard, width: int) -> str:
    table = fitted(_table(board), width)
    lines = [title(board.stage), "", table.text, ""]
    lines += remark(table.left_out, width, _ELSEWHERE)
    said = notes(run, board, best="*", tied="~", without=table.left_out)
    lines += [paragraph(text, width) for text in said]
    problems = troubles(board)
    if problems:
        lines += ["", *(paragraph(text, width, indent=2) for text in problems)]
    in_short = f"In short: {' '.join(recommendation(board))}"
    lines += ["", paragraph(in_short, width)]
    return "\n".join(lines)


def _table(board: Leaderboard) -> TextTable:
    shown = columns(board)
    rows = ordered(board)
    marked = marked_place(board, shown)
    signs = [_MARKS[row.mark] + sign(row) for row in rows]
    # Pad to the longest, so that digits are aligned.
    width = max(map(len, signs), default=0)

    def signed(place: int, found: list[str]) -> list[str]:
        if place != marked:
            return found
        padded = zip(found, signs, strict=True)
        return [f"{cell} {sign.ljust(width)}" for cell, sign in padded]

    def cells(place: int, bare: bool) -> list[str]:
        column = shown[place]
        text = column.bare if bare and column.bare else column.text
        return signed(place + 1, [text(row) for row in rows])

    labels = signed(0, [row.label for row in rows])
    full = [cells(place, bare=False) for place in range(len(shown))]
    gives_way = least_important(shown, rows)
    if board.view.columns:
        # What the user named first stays longest.
        gives_way = [*range(len(shown) - 1, 0, -1)]
    return TextTable(
        headings=["model", *(column.heading for column in shown)],
        rows=list(zip(labels, *full, strict=True)),
        gives_way=[place + 1 for place in gives_way],
        short={
            place + 1: cells(place, bare=True)
            for place, column in enumerate(shown)
            if column.bare
        },
    )

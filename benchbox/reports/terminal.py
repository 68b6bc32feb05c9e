"""Terminal: tables as plain text that fits the width at hand."""

import shutil
from functools import partial
from textwrap import fill

import tabulate

from benchbox.records import RunRecord
from benchbox.reports.columns import FLAGS, Column, columns, notes, title, troubles
from benchbox.reports.leaderboard import Leaderboard, Row
from benchbox.reports.overview import render_plain

_LEAST_LABEL = 12

_MARKS = {"best": "*", "tied": "~", "": ""}


def render(run: RunRecord, boards: list[Leaderboard]) -> str:
    """Return the tables as text for the present width of the terminal."""
    width = shutil.get_terminal_size((100, 24)).columns
    if run.config.cases:
        return render_plain(run, boards, width)
    return "\n\n".join(_board(run, board, width) for board in boards)


def _board(run: RunRecord, board: Leaderboard, width: int) -> str:
    lines = [title(board.stage), "", _fitting(board, width), ""]
    # Names of models have hyphens, and should stay whole.
    paragraph = partial(fill, width=width, break_on_hyphens=False)
    lines += map(paragraph, notes(run, board, best="*", tied="~"))
    problems = troubles(board)
    if problems:
        lines += ["", *(paragraph(text, subsequent_indent="  ") for text in problems)]
    return "\n".join(lines)


def _fitting(board: Leaderboard, width: int) -> str:
    """Return the fullest table that fits; what is left out here is in the files."""
    # By item and by user are second readings of the first metric; the files have them.
    leave_out: list[set[str]] = [set()]
    readings = ("RMSE by item", "RMSE by user")
    for heading in (*readings, "parameters", "GPU MiB", "energy J", "pairs/s"):
        leave_out.append(leave_out[-1] | {heading})
    narrower = [(s, out) for out in leave_out for s in (len(board.metrics), 1)]
    narrower += [(s, leave_out[-1] | {"coverage"}) for s in (1, 0)]
    for spreads, out in narrower:
        table = _table(board, spreads, out)
        surplus = max(map(len, table.splitlines())) - width
        if surplus <= 0:
            return table
    longest = max(len(row.label) for row in board.rows)
    return _table(board, spreads, out, max(_LEAST_LABEL, longest - surplus))


def _table(
    board: Leaderboard,
    spreads: int,
    leave_out: set[str],
    label_width: int | None = None,
) -> str:
    shown = [c for c in columns(board, spreads=spreads) if c.heading not in leave_out]
    # One sign behind the first score, or two where a row may need both.
    signs = 2 if any(row.flag for row in board.rows) else 1
    # Room is scarce: no more space around a heading than around a number.
    tabulate.MIN_PADDING = 0
    return tabulate.tabulate(
        [_cells(row, shown, label_width, signs) for row in board.rows],
        headers=["model", *(column.heading for column in shown)],
        tablefmt="simple",
        disable_numparse=True,
        colalign=["left", *("right" for _ in shown)],
    )


def _cells(
    row: Row, shown: list[Column], label_width: int | None, signs: int
) -> list[str]:
    label, marks = row.label, _MARKS[row.mark] + FLAGS[row.flag]
    if label_width is not None:
        # Options are parted by commas, which is where a line may best end.
        label = fill(label.replace(",", ", "), label_width, break_on_hyphens=False)
    return [
        label,
        f"{shown[0].text(row)} {marks.ljust(signs)}",
        *(c.text(row) for c in shown[1:]),
    ]

"""The tables of a run as HTML for a notebook, without any library."""

from collections.abc import Sequence
from html import escape

from benchbox.errors import printable
from benchbox.records import RunRecord
from benchbox.reports.columns import columns, sign
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.notes import title, troubles
from benchbox.reports.recommendation import recommendation

_MARKS = {"best": " *", "tied": " ~", "": ""}

_STYLE = 'style="text-align:right"'


def run_html(run: RunRecord, boards: Sequence[Leaderboard]) -> str:
    """Return the tables of a run, each with what it recommends, as HTML.

    Args:
        run: The run.
        boards: Its tables.
    """
    n_ended = sum(len(board.trials) for board in boards)
    head = f"Run {run.id}: {run.status}, {n_ended} of {run.n_trials} trials"
    return "".join([_paragraph(head), *map(_board, boards)])


def _board(board: Leaderboard) -> str:
    shown = columns(board)
    head = "".join(
        f'<th scope="col" {_STYLE}>{_text(name)}</th>'
        for name in ("model", *(column.heading for column in shown))
    )
    rows = []
    for row in board.rows:
        cells = [column.text(row) for column in shown]
        cells[0] += _MARKS[row.mark] + sign(row)
        texts = "".join(f"<td {_STYLE}>{_text(cell)}</td>" for cell in cells)
        label = f'<th scope="row" {_STYLE}>{_text(row.label)}</th>'
        rows.append(f"<tr>{label}{texts}</tr>")
    said = [" ".join(recommendation(board)), *troubles(board)]
    return (
        f"<table><caption>{_text(title(board.stage))}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        f"{''.join(map(_paragraph, said))}"
    )


def _paragraph(text: str) -> str:
    return f"<p>{_text(text)}</p>"


def _text(text: str) -> str:
    return escape(printable(text))

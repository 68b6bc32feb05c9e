"""Renders tables as LaTeX for a paper, in the style of booktabs."""

from tabulate import tabulate

from benchbox.records import RunRecord
from benchbox.reports.columns import columns, sign
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.notes import notes, title, troubles
from benchbox.reports.numbers import MISSING

_SPECIAL = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {
        "~": r"\textasciitilde{}",
        "±": r" $\pm$ ",
        "·": r"$\cdot$",
        "–": "--",
        "…": r"\dots{}",
        "◆": r" $\diamond$",
        "◷": r"$^{\mathrm{t}}$",
        "▽": r"$\nabla$",
        "⚠": r"\textbf{!}",
        "\\": r"\textbackslash{}",
        "^": r"\textasciicircum{}",
    }
)


def render(run: RunRecord, boards: list[Leaderboard]) -> str:
    """Return the tables as LaTeX; the best is bold, the tied are in italics."""
    return "\n".join(_board(run, board) for board in boards)


def _board(run: RunRecord, board: Leaderboard) -> str:
    shown = columns(board)
    rows = []
    for row in board.rows:
        cells = [_escape(row.label), *(_escape(column.text(row)) for column in shown)]
        command = {"best": "textbf", "tied": "textit"}.get(row.mark)
        if command and cells[1] != MISSING:
            cells[:2] = [f"\\{command}{{{cell}}}" for cell in cells[:2]]
        cells[1] = f"{cells[1]} {_escape(sign(row))}".rstrip()
        rows.append(cells)
    table = tabulate(
        rows,
        headers=["model", *(_escape(column.heading) for column in shown)],
        tablefmt="latex_raw",
        disable_numparse=True,
        colalign=["left", *("right" for _ in shown)],
    )
    for rule in ("toprule", "midrule", "bottomrule"):
        table = table.replace(r"\hline", f"\\{rule}", 1)
    caption = _escape(
        " ".join(
            [f"{title(board.stage)}.", *notes(run, board, best="bold", tied="italics")]
        )
    )
    # Failures do not belong in a paper's table, but must not get lost either.
    remarks = "".join(f"% {' '.join(text.split())}\n" for text in troubles(board))
    return (
        f"{remarks}% needs \\usepackage{{booktabs}}\n"
        f"\\begin{{table}}\n\\centering\n{table}\n\\caption{{{caption}}}\n\\end{{table}}\n"
    )


def _escape(text: str) -> str:
    return text.translate(_SPECIAL)

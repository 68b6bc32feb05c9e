"""Renders tables as LaTeX for a paper, in the style of booktabs."""

from tabulate import tabulate

from benchbox.records import RunRecord
from benchbox.reports.columns import columns, marked_place, ordered, sign
from benchbox.reports.latex_text import breakable, escape, pieces
from benchbox.reports.leaderboard import Leaderboard, sources
from benchbox.reports.notes import notes, title, troubles


def render(run: RunRecord, boards: list[Leaderboard]) -> str:
    """Return the tables as LaTeX; the best is bold, the tied are in italics."""
    return "\n".join(_board(run, board) for board in boards)


def _board(run: RunRecord, board: Leaderboard) -> str:
    shown = columns(board)
    place = marked_place(board, shown)
    rows = []
    for row in ordered(board):
        cells = [breakable(row.label), *(escape(column.text(row)) for column in shown)]
        command = {"best": "textbf", "tied": "textit"}.get(row.mark)
        if command:
            for n in {0, place}:
                cells[n] = f"\\{command}{{{cells[n]}}}"
        cells[place] = f"{cells[place]} {escape(sign(row))}".rstrip()
        rows.append(cells)
    table = tabulate(
        rows,
        headers=["model", *(escape(column.heading) for column in shown)],
        tablefmt="latex_raw",
        disable_numparse=True,
        colalign=["left", *("right" for _ in shown)],
    )
    for rule in ("toprule", "midrule", "bottomrule"):
        table = table.replace(r"\hline", f"\\{rule}", 1)
    said = notes(run, board, best="bold", tied="italics")
    caption = " ".join([f"{pieces(title(board.stage))}.", *map(pieces, said)])
    # Failures do not belong in a paper's table, but must not get lost either.
    remarks = "".join(f"% {' '.join(text.split())}\n" for text in troubles(board))
    return (
        f"{remarks}% needs \\usepackage{{booktabs}}\n"
        f"\\begin{{table}}\n\\centering\n{table}\n"
        f"\\caption{{{caption}{_sources(board)}}}\n\\end{{table}}\n"
    )


def _sources(board: Leaderboard) -> str:
    """Return the commands that cite data and methods; table.bib has their entries."""
    said = "; ".join(
        f"{', '.join(map(escape, source.names))} \\cite{{{source.key}}}"
        for source in sources(board)
    )
    return f" Sources: {said}." if said else ""

"""Renders tables as Markdown, for a README, an issue or a pull request."""

import re

from benchbox.records import RunRecord
from benchbox.reports.columns import columns, marked_place, ordered, sign
from benchbox.reports.leaderboard import Leaderboard, sources
from benchbox.reports.notes import notes, title, troubles
from benchbox.reports.overview import render_markdown
from benchbox.reports.pipes import pipe_table

_SIGNS = re.compile(r"([\\`*<>\[\]])")
"""Signs with a meaning in Markdown; pipes are escaped with the table."""


def render(run: RunRecord, boards: list[Leaderboard]) -> str:
    """Return the tables as Markdown; the best is bold, the tied are marked."""
    tables = [_board(run, board) for board in boards]
    if run.config.cases:
        tables.insert(0, render_markdown(run, boards))
    footnotes = {s.key: s.text for board in boards for s in sources(board)}
    if footnotes:
        lines = [f"[^{key}]: {_inert(text)}\n" for key, text in footnotes.items()]
        tables.append("".join(lines))
    return "\n".join(tables)


def _board(run: RunRecord, board: Leaderboard) -> str:
    shown = columns(board)
    place = marked_place(board, shown)
    rows = []
    for row in ordered(board):
        cells = [plain(row.label), *(plain(column.text(row)) for column in shown)]
        if row.mark == "best":
            for n in {0, place}:
                cells[n] = f"**{cells[n]}**"
        elif row.mark == "tied":
            cells[place] += " ~"
        cells[place] = f"{cells[place]} {sign(row)}".rstrip()
        rows.append(cells)
    headings = ["model", *(plain(column.heading) for column in shown)]
    said = notes(run, board, best="bold", tied="~")
    said += [_sources(board)] * bool(sources(board))
    remarks = "\n".join(f"- {_inert(text)}" for text in [*said, *troubles(board)])
    name = _inert(title(board.stage))
    return f"## {name}\n\n{pipe_table(headings, rows)}\n\n{remarks}\n"


def _sources(board: Leaderboard) -> str:
    said = (f"{', '.join(s.names)} [^{s.key}]" for s in sources(board))
    return f"Sources: {'; '.join(said)}."


def plain(text: str) -> str:
    """Return *text* as Markdown that shows it as it is."""
    return _SIGNS.sub(r"\\\1", text)


def _inert(text: str) -> str:
    """Return a sentence, of which others wrote parts, without tags of HTML."""
    return " ".join(text.replace("<", r"\<").split())

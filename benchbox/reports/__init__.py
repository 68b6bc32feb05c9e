"""Reports: tables of a run in several formats, built from its records alone."""

from collections.abc import Callable, Mapping
from importlib import import_module

from benchbox.reports.leaderboard import Leaderboard, leaderboards
from benchbox.results import RunFolder, RunRecord

Renderer = Callable[[RunRecord, list[Leaderboard]], str]

FORMATS: Mapping[str, str] = {
    "table": "benchbox.reports.terminal",
    "markdown": "benchbox.reports.markdown",
    "csv": "benchbox.reports.delimited",
    "latex": "benchbox.reports.latex",
    "json": "benchbox.reports.structured",
}
"""Module of each format; it has a function `render`."""

_FILES = {"markdown": "table.md", "csv": "table.csv", "latex": "table.tex"}


def render(folder: RunFolder, form: str) -> str:
    """Return the tables of a run as text in one of `FORMATS`."""
    run = folder.read_run()
    renderer: Renderer = import_module(FORMATS[form]).render
    return renderer(run, leaderboards(run, folder.trials()))


def write_tables(folder: RunFolder) -> None:
    """Write the tables of a run into its folder, one file a format."""
    for form, name in _FILES.items():
        folder.write_text(name, render(folder, form))

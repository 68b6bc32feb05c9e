"""Reports: tables of a run in several formats, built from its records alone."""

from collections.abc import Callable, Mapping

from benchbox import formats
from benchbox.formats import ReportFormat
from benchbox.reports.leaderboard import Leaderboard, leaderboards
from benchbox.results import RunFolder, RunRecord
from benchbox.targets import resolve

Renderer = Callable[[RunRecord, list[Leaderboard]], str]

FORMATS: Mapping[str, ReportFormat] = {form.name: form for form in formats.FORMATS}
"""The formats of benchbox itself, by name; plugins can offer more."""


def render(
    folder: RunFolder, form: str, forms: Mapping[str, ReportFormat] = FORMATS
) -> str:
    """Return the tables of a run as text in one of *forms*."""
    run = folder.read_run()
    renderer: Renderer = resolve(forms[form].target)
    return renderer(run, leaderboards(run, folder.trials()))


def write_tables(
    folder: RunFolder, forms: Mapping[str, ReportFormat] = FORMATS
) -> None:
    """Write the tables of a run into its folder, one file a format that has one."""
    for name, form in forms.items():
        if form.file:
            folder.write_text(form.file, render(folder, name, forms))

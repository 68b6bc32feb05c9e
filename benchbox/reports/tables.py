"""Renders the tables of a run in any format, and writes them to its folder."""

from collections.abc import Callable, Mapping, Sequence

from benchbox.plugins import OWN_FORMATS, ColumnSpec, ReportFormat
from benchbox.records import RunFolder, RunRecord
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.merge import merged
from benchbox.targets import resolve

Renderer = Callable[[RunRecord, list[Leaderboard]], str]

FORMATS: Mapping[str, ReportFormat] = {form.name: form for form in OWN_FORMATS}
"""The built-in formats by name; plugins can add more."""


def render(
    folder: RunFolder,
    form: str,
    forms: Mapping[str, ReportFormat] = FORMATS,
    *more: RunFolder,
    columns: Sequence[ColumnSpec] = (),
) -> str:
    """Return the tables of a run, or of several, as text in one of *forms*.

    Args:
        folder: The run.
        form: Name of the format.
        forms: Formats by name.
        more: Further runs to show in the same tables.
        columns: Columns that plugins add.

    Raises:
        ResultsError: The runs' figures differ in their definitions.
    """
    runs = [(f.read_run(), f.trials()) for f in (folder, *more)]
    renderer: Renderer = resolve(forms[form].target)
    return renderer(*merged(runs, columns))


def write_tables(
    folder: RunFolder,
    forms: Mapping[str, ReportFormat] = FORMATS,
    columns: Sequence[ColumnSpec] = (),
) -> None:
    """Write the tables of a run into its folder, in each format that names a file."""
    for name, form in forms.items():
        if form.file:
            folder.write_text(form.file, render(folder, name, forms, columns=columns))

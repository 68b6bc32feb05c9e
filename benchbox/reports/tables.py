"""Renders the tables of a run in any format, and writes them to its folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from benchbox.errors import PluginError, ResultsError, UsageError, error_line, shown
from benchbox.plugins import OWN_FORMATS, ColumnSpec, ReportFormat
from benchbox.records import RunFolder, RunRecord
from benchbox.reports.citations import NO_CITATIONS, Citations
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.merge import RunTrials, merged
from benchbox.reports.view import WHOLE, View
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
    view: View = WHOLE,
    citations: Citations = NO_CITATIONS,
) -> str:
    """Return the tables of a run, or of several, as text in one of *forms*.

    Records that are missing, were changed or belong elsewhere are left out.

    Args:
        folder: The run.
        form: Name of the format.
        forms: Formats by name.
        more: Further runs to show in the same tables.
        columns: Columns that plugins add.
        view: Columns, order and decimals to show.
        citations: What installed packages ask to cite.

    Raises:
        ResultsError: The runs' figures differ in their definitions.
        UsageError: The format shows no view, or a table lacks one of its columns.
    """
    runs = [(f.read_run(), f.examine().records) for f in (folder, *more)]
    return rendered(runs, form, forms, columns, view, citations)


def rendered(
    runs: Sequence[RunTrials],
    form: str,
    forms: Mapping[str, ReportFormat] = FORMATS,
    columns: Sequence[ColumnSpec] = (),
    view: View = WHOLE,
    citations: Citations = NO_CITATIONS,
) -> str:
    """Return the tables of runs that were read, as text in one of *forms*.

    Args:
        runs: The runs, at least one.
        form: Name of the format.
        forms: Formats by name.
        columns: Columns that plugins add.
        view: Columns, order and decimals to show.
        citations: What installed packages ask to cite.

    Raises:
        ResultsError: The runs' figures differ in their definitions.
        UsageError: The format shows no view, or a table lacks one of its columns.
    """
    if view.is_chosen and not forms[form].shows_view:
        able = ", ".join(name for name, other in forms.items() if other.shows_view)
        raise UsageError(
            f"Format {form!r} has every column and every digit. --columns, --sort and "
            f"--precision are for: {able}."
        )
    run, boards = merged(runs, columns)
    boards = [replace(b, view=view, citations=citations) for b in boards]
    return _rendered((run, boards), form, forms)


def _rendered(
    content: tuple[RunRecord, list[Leaderboard]],
    form: str,
    forms: Mapping[str, ReportFormat],
) -> str:
    # This runs a plugin's code: an error in it becomes a line that names the format.
    try:
        renderer: Renderer = resolve(forms[form].target)
        text: object = renderer(*content)
    except (KeyboardInterrupt, UsageError):
        raise
    except BaseException as error:
        # In a format of benchbox it is a bug in benchbox, and keeps its traceback.
        if forms[form] in OWN_FORMATS:
            raise
        raise PluginError(f"Format {form!r} failed: {error_line(error)}.") from error
    if not isinstance(text, str):
        raise PluginError(f"Format {form!r} returned {shown(text)}, not a text.")
    return text


def write_tables(
    folder: RunFolder,
    forms: Mapping[str, ReportFormat] = FORMATS,
    columns: Sequence[ColumnSpec] = (),
    citations: Citations = NO_CITATIONS,
) -> list[str]:
    """Write the tables of a run into its folder, in each format that names a file.

    Returns:
        A line for each file that could not be made or written.
    """
    failed = []
    run, boards = merged([(folder.read_run(), folder.examine().records)], columns)
    content = run, [replace(board, citations=citations) for board in boards]
    for name, form in forms.items():
        if form.file:
            try:
                folder.write_text(form.file, _rendered(content, name, forms))
            except (PluginError, ResultsError) as error:
                failed.append(f"{form.file} was not written: {error}")
    return failed

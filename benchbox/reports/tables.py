"""Renders the tables of a run in any format, and writes them to its folder."""

from collections.abc import Callable, Mapping, Sequence

from benchbox.errors import PluginError, ResultsError, error_line, shown
from benchbox.plugins import OWN_FORMATS, ColumnSpec, ReportFormat
from benchbox.records import RunFolder, RunRecord
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.merge import RunTrials, merged
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

    Records that are missing, were changed or belong elsewhere are left out.

    Args:
        folder: The run.
        form: Name of the format.
        forms: Formats by name.
        more: Further runs to show in the same tables.
        columns: Columns that plugins add.

    Raises:
        ResultsError: The runs' figures differ in their definitions.
    """
    runs = [(f.read_run(), f.examine().records) for f in (folder, *more)]
    return rendered(runs, form, forms, columns)


def rendered(
    runs: Sequence[RunTrials],
    form: str,
    forms: Mapping[str, ReportFormat] = FORMATS,
    columns: Sequence[ColumnSpec] = (),
) -> str:
    """Return the tables of runs that were read, as text in one of *forms*.

    Args:
        runs: The runs, at least one.
        form: Name of the format.
        forms: Formats by name.
        columns: Columns that plugins add.

    Raises:
        ResultsError: The runs' figures differ in their definitions.
    """
    return _rendered(merged(runs, columns), form, forms)


def _rendered(
    content: tuple[RunRecord, list[Leaderboard]],
    form: str,
    forms: Mapping[str, ReportFormat],
) -> str:
    # This runs a plugin's code: an error in it becomes a line that names the format.
    try:
        renderer: Renderer = resolve(forms[form].target)
        text: object = renderer(*content)
    except KeyboardInterrupt:
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
) -> list[str]:
    """Write the tables of a run into its folder, in each format that names a file.

    Returns:
        A line for each file that could not be made or written.
    """
    failed = []
    content = merged([(folder.read_run(), folder.examine().records)], columns)
    for name, form in forms.items():
        if form.file:
            try:
                folder.write_text(form.file, _rendered(content, name, forms))
            except (PluginError, ResultsError) as error:
                failed.append(f"{form.file} was not written: {error}")
    return failed

"""Reports: tables of a run in several formats, built from its records alone."""

from collections.abc import Callable, Mapping

from benchbox.errors import PluginError
from benchbox.plugins import OWN_FORMATS, ReportFormat
from benchbox.records import RunFolder, RunRecord
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.merge import merged
from benchbox.targets import resolve
from benchbox.text import error_line, shown

Renderer = Callable[[RunRecord, list[Leaderboard]], str]

FORMATS: Mapping[str, ReportFormat] = {form.name: form for form in OWN_FORMATS}
"""The formats of benchbox itself, by name; plugins can offer more."""


def render(
    folder: RunFolder,
    form: str,
    forms: Mapping[str, ReportFormat] = FORMATS,
    *more: RunFolder,
) -> str:
    """Return the tables of a run, or of several, as text in one of *forms*.

    Raises:
        ResultsError: Figures of two definitions would share a column.
    """
    told = [(f.read_run(), f.trials()) for f in (folder, *more)]
    content = merged(told)
    # Here a plugin's code runs: what goes wrong in it is a line that names it.
    try:
        renderer: Renderer = resolve(forms[form].target)
        text: object = renderer(*content)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # Of a format of our own it is a bug of ours, and keeps its traceback.
        if forms[form] in OWN_FORMATS:
            raise
        raise PluginError(f"Format {form!r} failed: {error_line(error)}.") from error
    if not isinstance(text, str):
        raise PluginError(f"Format {form!r} returned {shown(text)}, which is no text.")
    return text


def write_tables(
    folder: RunFolder, forms: Mapping[str, ReportFormat] = FORMATS
) -> list[str]:
    """Write the tables of a run into its folder, one file a format that has one.

    Returns:
        A line on each file that a plugin's format has failed to make.
    """
    failed = []
    for name, form in forms.items():
        if form.file:
            try:
                folder.write_text(form.file, render(folder, name, forms))
            except PluginError as error:
                failed.append(f"{form.file} was not written: {error}")
    return failed

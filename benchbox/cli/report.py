"""`benchbox report`: print the tables of stored runs."""

from pathlib import Path

import click
from click.core import ParameterSource

from benchbox.cli.common import complain_of, notify, results_option, say
from benchbox.cli.installed import installed, report_formats, table_columns
from benchbox.errors import UsageError
from benchbox.records import RunFolder
from benchbox.reports import rendered
from benchbox.runs import about_unfinished, page_of, save_page

_MOST_LINES = 5
"""About records that were left out; more are counted."""


@click.command("report")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "-f",
    "--format",
    "form",
    metavar="NAME",
    default="table",
    show_default=True,
    help="Output format: table, markdown, csv, latex, json, or one from a plugin.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write tables, charts and trials to FILE, a page that needs no network.",
)
@results_option
@click.pass_context
def command(
    context: click.Context,
    runs: tuple[str, ...],
    form: str,
    html: Path | None,
    out: Path,
) -> int:
    """Print the tables of RUN, given by folder, name or "last" (the default).

    Several runs are shown in common tables, as one run on all their folds, seeds and
    models. All figures in a column have the same definition. Records that are missing,
    were changed or belong elsewhere are left out and named; the exit code is then 1.
    """
    registry = installed()
    if html is not None:
        if context.get_parameter_source("form") is not ParameterSource.DEFAULT:
            raise UsageError("--html writes a page of its own; leave out --format.")
        folders = [RunFolder.find(run, out) for run in runs or ("last",)]
        save_page(html, page_of(folders, registry, notify))
        say(f"Written: {html}", err=True)
        return 0
    registry.find("formats", form)
    folders = [RunFolder.find(run, out) for run in runs or ("last",)]
    read = [(folder.read_run(), folder.examine()) for folder in folders]
    formats, columns = report_formats(registry), table_columns(registry)
    content = [(run, found.records) for run, found in read]
    say(rendered(content, form, formats, columns))
    for folder in folders:
        if line := about_unfinished(folder):
            complain_of(line)
    left_out = [line for _, found in read for line in found.left_out]
    for line in left_out[:_MOST_LINES]:
        complain_of(f"left out: {line}")
    if len(left_out) > _MOST_LINES:
        complain_of(f"left out: {len(left_out) - _MOST_LINES:,} more.")
    return int(bool(left_out))

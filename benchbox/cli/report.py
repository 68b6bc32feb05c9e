"""`benchbox report`: print the tables of stored runs."""

from pathlib import Path

import click
from click.core import ParameterSource

from benchbox.cli.common import notify, results_option, say
from benchbox.cli.installed import installed, report_formats, table_columns
from benchbox.errors import UsageError
from benchbox.records import RunFolder
from benchbox.reports import render
from benchbox.runs import page_of, save_page


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

    Several runs are shown in common tables. All figures in a column have the same
    definition.
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
    formats, columns = report_formats(registry), table_columns(registry)
    say(render(folders[0], form, formats, *folders[1:], columns=columns))
    return 0

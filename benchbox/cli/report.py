"""`benchbox report`: print the tables of stored runs."""

from pathlib import Path

import click

from benchbox.cli.common import results_option, say
from benchbox.cli.installed import installed, report_formats, table_columns
from benchbox.records import RunFolder
from benchbox.reports import render


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
@results_option
def command(runs: tuple[str, ...], form: str, out: Path) -> int:
    """Print the tables of RUN, given by folder, name or "last" (the default).

    Several runs are shown in common tables. All figures in a column have the same
    definition.
    """
    registry = installed()
    registry.find("formats", form)
    folders = [RunFolder.find(run, out) for run in runs or ("last",)]
    formats, columns = report_formats(registry), table_columns(registry)
    say(render(folders[0], form, formats, *folders[1:], columns=columns))
    return 0

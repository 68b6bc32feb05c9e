"""`benchbox report`: the tables of runs, from their records alone."""

from pathlib import Path

import click

from benchbox.cli.common import results_option, say
from benchbox.cli.installed import installed, report_formats
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
    help="How to write the tables: table, markdown, csv, latex, json, or a format "
    "that a plugin offers.",
)
@results_option
def command(runs: tuple[str, ...], form: str, out: Path) -> int:
    """Show the tables of RUN: a folder, the name of a run, or "last".

    Several runs share their tables, where all figures of a column have one definition.
    """
    registry = installed()
    registry.find("formats", form)
    folders = [RunFolder.find(run, out) for run in runs or ("last",)]
    say(render(folders[0], form, report_formats(registry), *folders[1:]))
    return 0

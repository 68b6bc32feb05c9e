"""`benchbox report`: the tables of a run, from its records alone."""

from pathlib import Path

import click

from benchbox.cli.installed import installed, report_formats
from benchbox.reports import render
from benchbox.results import RunFolder


@click.command("report")
@click.argument("run", default="last")
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
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="Folder that holds the runs.",
)
def command(run: str, form: str, out: Path) -> int:
    """Show the tables of RUN: a folder, the name of a run, or "last"."""
    registry = installed()
    registry.find("formats", form)
    click.echo(render(RunFolder.find(run, out), form, report_formats(registry)))
    return 0

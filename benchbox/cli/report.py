"""`benchbox report`: the tables of a run, from its records alone."""

from pathlib import Path

import click

from benchbox.reports import FORMATS, render
from benchbox.results import RunFolder


@click.command("report")
@click.argument("run", default="last")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="table",
    show_default=True,
    help="How to write the tables.",
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
    click.echo(render(RunFolder.find(run, out), form))
    return 0

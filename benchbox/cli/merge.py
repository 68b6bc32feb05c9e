"""`benchbox merge`: make one run of several."""

from pathlib import Path

import click

from benchbox.cli.common import format_or_json, json_option, say
from benchbox.cli.installed import installed, report_formats, table_columns
from benchbox.records import RunFolder
from benchbox.reports import render
from benchbox.runs import merge_folders


@click.command("merge")
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN…")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="FOLDER",
    help="Folder of the new run; it must not exist.",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="Folder of the runs.",
)
@json_option
def command(runs: tuple[str, ...], out: Path, results: Path, as_json: bool) -> int:
    """Make one run of several, given by folder or name.

    They may be on other folds, with other seeds or models, or from other machines; all
    else that defines their figures must be the same. Times are left out of the table if
    the machines differ. A model that lacks a fold gets no mean.
    """
    folder = merge_folders([RunFolder.find(run, results) for run in runs], out)
    registry = installed()
    formats, columns = report_formats(registry), table_columns(registry)
    form = format_or_json("table", as_json)
    say(render(folder, form, formats, columns=columns))
    say(f"Merged: {folder.path}", err=True)
    return 0

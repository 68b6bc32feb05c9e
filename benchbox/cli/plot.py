"""`benchbox plot`: save a figure of a stored run for a paper."""

from pathlib import Path

import click

from benchbox.cli.common import notify, say
from benchbox.cli.installed import installed
from benchbox.records import RunFolder
from benchbox.reports import FIGURES, OVER_DATASETS, check_kind, save
from benchbox.runs import figure_of


@click.command("plot")
@click.argument("figure", type=click.Choice([*FIGURES, OVER_DATASETS]))
@click.argument("run", default="last")
@click.option(
    "--out",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE",
    help="File to write; it ends with .svg, .png or .pdf.",
)
@click.option(
    "--stage",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="NUMBER",
    help="Which data set and protocol of the run, in the order of its tables.",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="Folder of the runs.",
)
def command(figure: str, run: str, file: Path, stage: int, results: Path) -> int:
    """Save FIGURE of RUN, given by folder, name or "last" (the default).

    pareto: accuracy and cost. forest: how far behind the best. slices: where models
    err. curves: learning curves. phases: where time goes. calibration: ratings against
    predictions. memory: peak memory. cd: ranks over data sets.
    """
    check_kind(file)
    registry = installed()
    found = figure_of(RunFolder.find(run, results), figure, registry, notify, stage - 1)
    save(found, file)
    say(f"Written: {file}", err=True)
    return 0

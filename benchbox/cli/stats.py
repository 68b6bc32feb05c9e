"""`benchbox stats`: statistics from a run's stored predictions, without refitting."""

from pathlib import Path

import click

from benchbox.analysis import Analysis
from benchbox.cli.common import format_or_json, json_option, notify, results_option, say
from benchbox.cli.installed import complain, installed
from benchbox.records import RunFolder, RunRecord
from benchbox.reports import STATS_FORMATS
from benchbox.runs import analysed, folds_again


@click.command("stats")
@click.argument("run", default="last")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(list(STATS_FORMATS)),
    default="table",
    show_default=True,
    help="Output format.",
)
@click.option(
    "--metric",
    default="",
    metavar="NAME",
    help="Metric to compare models by; it must be a mean over ratings.  [default: "
    "the run's first, rmse]",
)
@click.option(
    "--across-kinds",
    is_flag=True,
    help="Also compare models that are told when each question is asked with those "
    "that are not.",
)
@json_option
@results_option
def command(
    run: str, form: str, as_json: bool, metric: str, across_kinds: bool, out: Path
) -> int:
    """Show confidence intervals, model comparisons and errors by slice of RUN.

    RUN is given by folder, name or "last" (the default). Its data sets are loaded and
    split again, but no model is fitted. The RMSE is also shown by all common
    definitions.
    """
    form = format_or_json(form, as_json)
    folder = RunFolder.find(run, out)
    say(STATS_FORMATS[form](*_analysed(folder, metric, across_kinds)))
    return 0


def _analysed(
    folder: RunFolder, metric: str, across_kinds: bool
) -> tuple[RunRecord, list[Analysis]]:
    registry = installed()
    complain(registry)
    folds_of = folds_again(folder.read_run(), registry, notify)
    return analysed(folder, registry, folds_of, metric, across_kinds=across_kinds)

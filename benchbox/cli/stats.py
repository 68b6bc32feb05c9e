"""`benchbox stats`: what a run's stored predictions tell, without fitting anew."""

from pathlib import Path

import click

from benchbox.analysis import Analysis, analyse
from benchbox.cli.common import notify, results_option, say
from benchbox.cli.installed import complain, installed
from benchbox.errors import ResultsError
from benchbox.records import RunFolder, RunRecord
from benchbox.reports import STATS_FORMATS
from benchbox.runs import Stages


@click.command("stats")
@click.argument("run", default="last")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(list(STATS_FORMATS)),
    default="table",
    show_default=True,
    help="How to write it.",
)
@results_option
def command(run: str, form: str, out: Path) -> int:
    """Show how sure the figures of RUN are, and what they hide.

    RUN is a folder, the name of a run, or "last". Its data sets are loaded and split
    again; nothing is fitted. Shown are the RMSE by every definition in use, intervals,
    a comparison of every two models, and errors by slice.
    """
    text = STATS_FORMATS[form](*_analysed(RunFolder.find(run, out)))
    say(text)
    return 0


def _analysed(folder: RunFolder) -> tuple[RunRecord, list[Analysis]]:
    registry = installed()
    complain(registry)
    run, trials = folder.read_run(), folder.trials()
    if not any(trial.status == "ok" for trial in trials):
        raise ResultsError(
            f"Run {run.id} has no trial that ended well, so there is nothing to tell."
        )
    stages = Stages(registry, notify, run.config.columns)
    return run, [
        analyse(run, number, stages.again(run, number).folds, folder, trials)
        for number in range(len(run.stages))
    ]

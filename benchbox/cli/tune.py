"""`benchbox tune`: choose options on validation ratings, then compare as a run does."""

from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill
from typing import Any

import click
import msgspec
from rich.markup import escape
from rich.status import Status

from benchbox.cli.common import (
    code_option,
    device_option,
    executor_option,
    protocols_option,
    results_option,
    resume_option,
    threads_option,
    trust_option,
    verbose_option,
)
from benchbox.cli.installed import complain, installed
from benchbox.cli.progress import TrialProgress
from benchbox.cli.run import run_and_print, session_of
from benchbox.errors import UsageError
from benchbox.options import spell
from benchbox.records import (
    EpochEnded,
    RunConfig,
    RunFolder,
    StudiesRecord,
    StudyRecord,
    TrialMessage,
    Tried,
    TuningBudget,
)
from benchbox.runs import STUDY, PlannedTrial, Trust, config_to_resume, make_config
from benchbox.text import one_line


@click.command("tune")
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="A model; options set here stay as they are. Repeatable. Without it, all "
    "models that have something to tune.",
)
@click.option(
    "-d",
    "--dataset",
    "datasets",
    multiple=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="A data set or a file of ratings; repeatable.  [default: ml-100k]",
)
@click.option("--columns", help="Columns of own files: user=…,item=…,rating=…")
@protocols_option
@click.option("-f", "--folds", metavar="NAME,…", help="Tune and run on these alone.")
@click.option(
    "--budget-trials",
    type=click.IntRange(min=1),
    help="Options to try for each model on each fold, its own ones included.  "
    "[default: 20]",
)
@click.option(
    "--budget-seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Time for them, for each model on each fold.  [default: unlimited]",
)
@click.option("--metric", help="What to choose by.  [default: rmse]")
@click.option("--seed", type=int, help="Root of all seeds.  [default: 0]")
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    help="Fits of a stochastic model per fold, once options are chosen.  [default: 2]",
)
@device_option
@threads_option
@executor_option
@results_option
@resume_option
@code_option
@trust_option
@verbose_option
def command(
    out: Path,
    resume: str | None,
    code: tuple[Path, ...],
    trust: bool,
    executor: str,
    verbose: bool,
    **chosen: Any,
) -> int:
    """Choose each model's options on validation ratings, then compare.

    Every model has the same budget on every fold. Options are judged by ratings carved
    from the fold's training part by the protocol's own rule; hidden ratings are scored
    once, when the choice is made. The table shows each model as it is and tuned.
    """
    given = {key: value for key, value in chosen.items() if value not in (None, ())}
    if resume is not None and given:
        raise UsageError("--resume continues a run as it was; leave out other options.")
    if resume is None and (code or trust):
        raise UsageError("--code and --trust are about the run to --resume.")
    registry = installed()
    complain(registry)
    folder = None if resume is None else RunFolder.find(resume, out)
    if folder is None:
        config = _config(given)
    else:
        config = config_to_resume(folder, Trust(registry, code, trust), is_tuned=True)
    with session_of(registry, _TuningProgress(verbose), executor) as session:
        return run_and_print(session, config, folder, out, more=_table)


def _config(given: dict[str, Any]) -> RunConfig:
    budget = {
        name: given.pop(key)
        for key, name in (
            ("budget_trials", "trials"),
            ("budget_seconds", "seconds"),
            ("metric", "metric"),
        )
        if key in given
    }
    return make_config(given | {"tuning": TuningBudget(**budget)})


class _TuningProgress(TrialProgress):
    """Also shows on standard error how each search gets on."""

    def __init__(self, verbose: bool) -> None:
        super().__init__(verbose)
        self._status: Status | None = None
        self._label, self._most, self._number = "", 0, 0

    def search_started(self, label: str, budget: TuningBudget) -> None:
        """Show that a search begins."""
        self._label, self._most, self._number = label, budget.trials, 0
        self._status = self._console.status(escape(f"tuning {one_line(label)}"))
        self._status.start()

    def trial_started(self, trial: PlannedTrial) -> None:
        """Show that *trial* begins."""
        if self._status is None:
            super().trial_started(trial)
        else:
            self._number += 1
            self._show_search("")

    def trial_said(self, message: TrialMessage) -> None:
        """Show the epoch a running trial has reached."""
        if self._status is None:
            super().trial_said(message)
        elif isinstance(message, EpochEnded):
            self._show_search(f", epoch {message.epoch}/{message.of}")

    def search_tried(self, tried: Tried) -> None:
        """Print what came of the options tried last, if asked to."""
        if self._verbose:
            value = tried.status if tried.value is None else f"{tried.value:.4f}"
            self._say(
                f"{self._label}: {value}, {tried.seconds:.1f} s, "
                f"{spell('', tried.options)[1:]}"
            )

    def search_ended(self, record: StudyRecord | None) -> None:
        """Print what the search has found."""
        if self._status is not None:
            self._status.stop()
            self._status = None
        if record and (not self._console.is_terminal or self._verbose):
            self._say(f"tuned {_said(record)}")

    def _say(self, line: str) -> None:
        self._console.print(one_line(line), markup=False)

    def _show_search(self, more: str) -> None:
        if self._status is not None:
            line = f"tuning {self._label}: trial {self._number}/{self._most}{more}"
            self._status.update(escape(one_line(line)))


def _said(study: StudyRecord) -> str:
    return (
        f"{study.model.removesuffix(' tuned')} on {study.fold}: validation "
        f"{study.metric} {_figure(study.before)} → {_figure(study.after)} in "
        f"{len(study.tried)} trials, {study.seconds:.1f} s"
    )


def _table(folder: RunFolder) -> str:
    """Return what each search of a run cost and found."""
    from tabulate import tabulate

    content = (folder.path / STUDY).read_bytes()
    studies = msgspec.json.decode(content, type=StudiesRecord).studies
    if not studies:
        return "Nothing was tuned: no model has options to search."
    rows = [
        (
            study.model,
            study.fold,
            str(len(study.tried)),
            f"{study.seconds:.1f}",
            _figure(study.before),
            _figure(study.after),
            ", ".join(_moved(study)) or "as it was",
        )
        for study in studies
    ]
    budget = studies[0].budget
    limit = f" or {budget.seconds:g} s" if budget.seconds else ""
    table = tabulate(
        rows,
        headers=["tuning", "fold", "trials", "s", "before", "after", "chosen"],
        disable_numparse=True,
        colalign=("left", "left", "right", "right", "right", "right", "left"),
        maxcolwidths=[None] * 6 + [max(24, get_terminal_size().columns - 53)],
    )
    notes = (
        f"before, after: {studies[0].metric} over validation ratings, which are carved "
        f"from training ratings.",
        f"Budget of each model on each fold: {budget.trials} trials{limit}. Cost in "
        f"all: {sum(study.seconds for study in studies):.1f} s. Details: {STUDY}.",
        "Each try is one fit: gains smaller than the spread between seeds are luck.",
    )
    width = min(get_terminal_size().columns, 120)
    return "\n".join([table, "", *(fill(note, width) for note in notes)])


def _moved(study: StudyRecord) -> list[str]:
    """Return the chosen options that differ from those in force before, as spelt."""
    start = study.tried[0].options
    moved = {k: v for k, v in study.chosen.items() if v != start[k]}
    return [spell("", {name: value})[1:] for name, value in moved.items()]


def _figure(value: float | None) -> str:
    return "failed" if value is None else f"{value:.4f}"

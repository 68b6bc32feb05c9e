"""`benchbox tune`: tune models on validation ratings, then run and compare them."""

from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import click
from rich.markup import escape
from rich.status import Status

from benchbox.cli.common import (
    COLUMNS_HELP,
    allow_network_option,
    allow_read_option,
    check_resume,
    code_option,
    execution_of,
    execution_options,
    json_option,
    protocols_option,
    quiet_option,
    rerun_option,
    results_option,
    resume_option,
    threads_option,
    trust_option,
    verbose_option,
)
from benchbox.cli.device_option import device_option
from benchbox.cli.installed import complain, installed
from benchbox.cli.progress import TrialProgress
from benchbox.cli.run import run_and_print, session_of
from benchbox.errors import counted, one_line
from benchbox.options import spell
from benchbox.records import (
    STUDY,
    EpochEnded,
    RunConfig,
    RunFolder,
    StudyRecord,
    TrialNews,
    Tried,
    TuningBudget,
)
from benchbox.reports import TextTable, fitted, paragraph, remark, terminal_width
from benchbox.runs import (
    PlannedTrial,
    Trust,
    config_to_resume,
    label_of_search,
    make_config,
)


@click.command("tune")
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="Model; options given here are not tuned. Repeatable.  [default: all models "
    "with a search space]",
)
@click.option(
    "-d",
    "--dataset",
    "datasets",
    multiple=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="Data set or file of ratings; repeatable.  [default: ml-100k]",
)
@click.option("--columns", help=COLUMNS_HELP)
@protocols_option
@click.option(
    "-f", "--folds", metavar="NAME,…", help="Tune and run only on these folds."
)
@click.option(
    "--budget-trials",
    type=click.IntRange(min=1),
    help="Number of settings to try for each model on each fold; the first is the "
    "model's own.  [default: 20]",
)
@click.option(
    "--budget-seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Time to search for each model on each fold.  [default: unlimited]",
)
@click.option("--metric", help="Metric to optimise.  [default: rmse]")
@click.option(
    "--seed", type=int, help="Root seed; all other seeds derive from it.  [default: 0]"
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    help="Fits per fold of a stochastic model, after tuning.  [default: 2]",
)
@device_option
@threads_option
@allow_read_option
@allow_network_option
@execution_options
@results_option
@resume_option
@rerun_option
@code_option
@trust_option
@json_option
@verbose_option
@quiet_option
def command(
    out: Path,
    resume: str | None,
    rerun: str | None,
    code: tuple[Path, ...],
    trust: bool,
    verbose: bool,
    quiet: bool,
    **chosen: Any,
) -> int:
    """Tune models on validation ratings, then compare them.

    Every model has the same budget on every fold. Validation ratings are split off the
    training ratings just as the protocol splits off hidden ratings. The hidden ratings
    are used only once, after the options are chosen. The table shows each model before
    and after tuning.
    """
    execution = execution_of(chosen)
    as_json = chosen.pop("as_json")
    given = {key: value for key, value in chosen.items() if value not in (None, ())}
    check_resume(resume, bool(given), rerun, code, trust)
    registry = installed()
    complain(registry)
    folder = None if resume is None else RunFolder.find(resume, out)
    if folder is None:
        config = _config(given)
    else:
        config = config_to_resume(folder, Trust(registry, code, trust), is_tuned=True)
    progress = _TuningProgress(verbose, quiet=quiet)
    with progress, session_of(registry, progress, execution) as session:
        return run_and_print(
            session,
            progress,
            config,
            folder,
            out,
            more=_table,
            rerun=rerun,
            as_json=as_json,
        )


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


@dataclass(slots=True)
class _Searching:
    """A search that runs.

    Attributes:
        most: Number of trials that it may run.
        since: When it started.
        number: Number of trials that it has started.
        doing: Which of them runs.
        epoch: Which epoch that one has reached.
    """

    most: int
    since: float
    number: int = 0
    doing: str = ""
    epoch: str = ""


class _TuningProgress(TrialProgress):
    """Also shows the progress of each search on standard error."""

    def __init__(self, verbose: bool, *, quiet: bool = False) -> None:
        super().__init__(verbose, quiet=quiet)
        self._status: Status | None = None
        self._searches: dict[str, _Searching] = {}

    def search_started(self, label: str, budget: TuningBudget) -> None:
        """Show that a search has started, in one line with others at the same time."""
        self._end_loading()
        self._searches[label] = _Searching(budget.trials, monotonic())
        if self._status is None:
            self._status = self._console.status("")
            self._status.start()
        self._show_searches()

    def trial_started(self, trial: PlannedTrial) -> None:
        """Show that *trial* has started."""
        search = self._search_of(trial)
        if search is None:
            super().trial_started(trial)
        else:
            search.number += 1
            search.doing = f": trial {search.number}/{search.most}"
            search.epoch = ""
            self._show_searches()

    def trial_said(self, trial: PlannedTrial | None, message: TrialNews) -> None:
        """Show which epoch the running trial has reached."""
        search = None if trial is None else self._search_of(trial)
        if search is None:
            super().trial_said(trial, message)
        elif isinstance(message, EpochEnded):
            search.epoch = f", epoch {message.epoch}/{message.of}"
            self._show_searches()

    def search_tried(self, label: str, tried: Tried) -> None:
        """Print the result of the last setting tried, if verbose."""
        if self._verbose:
            value = tried.status if tried.value is None else f"{tried.value:.4f}"
            self._say(
                f"{label}: {value}, {tried.seconds:.1f} s, "
                f"{spell('', tried.options)[1:]}"
            )

    def search_ended(self, label: str, record: StudyRecord | None) -> None:
        """Print the result of the search."""
        search = self._searches.pop(label)
        self._phases["tuning"] += monotonic() - search.since
        if self._status is not None and not self._searches:
            self._status.stop()
            self._status = None
        if record and (not self._console.is_terminal or self._verbose):
            self._say(f"tuned {_said(record)}")

    def _search_of(self, trial: PlannedTrial) -> _Searching | None:
        found = self._searches and self._searches.get(label_of_search(trial))
        return found or None

    def _show_searches(self) -> None:
        if self._status is not None:
            shown = [f"{k}{s.doing}{s.epoch}" for k, s in self._searches.items()]
            self._status.update(escape(one_line(f"tuning {'; '.join(shown)}")))


def _said(study: StudyRecord) -> str:
    return (
        f"{study.model.removesuffix(' tuned')} on {study.fold}: validation "
        f"{study.metric} {_figure(study.before)} → {_figure(study.after)} in "
        f"{counted(len(study.tried), 'trial')}, {study.seconds:.1f} s"
    )


def _table(folder: RunFolder) -> str:
    """Return a table of what each search found and how long it took."""
    studies = folder.studies()
    if not studies:
        return "Nothing was tuned: no model has a search space."
    budget = studies[0].budget
    limit = f" or {budget.seconds:g} s" if budget.seconds else ""
    trials = counted(budget.trials, "trial")
    notes = (
        f"before, after: {studies[0].metric} on validation ratings, which are split "
        f"off the training ratings.",
        f"Budget of each model on each fold: {trials}{limit}. Time in "
        f"total: {sum(study.seconds for study in studies):.1f} s. Details: {STUDY}.",
        "Each setting was fitted once: a gain smaller than the spread between seeds "
        "may be luck.",
    )
    width = terminal_width()
    table = fitted(_text_table(studies), width)
    return "\n".join(
        [
            table.text,
            "",
            *remark(table.left_out, width, STUDY),
            *(paragraph(note, width) for note in notes),
        ]
    )


def _text_table(studies: list[StudyRecord]) -> TextTable:
    return TextTable(
        headings=["tuning", "fold", "trials", "s", "before", "after", "chosen"],
        rows=[
            [
                study.model,
                study.fold,
                str(len(study.tried)),
                f"{study.seconds:.1f}",
                _figure(study.before),
                _figure(study.after),
                ", ".join(_moved(study)) or "unchanged",
            ]
            for study in studies
        ],
        words=(0, 1, 6),
        gives_way=(2, 3),
        folds=(0, 6),
    )


def _moved(study: StudyRecord) -> list[str]:
    """Return the chosen options that differ from before, as ``name=value``."""
    start = study.tried[0].options
    moved = {k: v for k, v in study.chosen.items() if v != start[k]}
    return [spell("", {name: value})[1:] for name, value in moved.items()]


def _figure(value: float | None) -> str:
    return "failed" if value is None else f"{value:.4f}"

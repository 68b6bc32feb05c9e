"""`benchbox tune`: choose options on validation ratings, then compare as a run does."""

import signal
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.status import Status

from benchbox.cli.common import (
    complain_of,
    device_option,
    protocols_option,
    results_option,
    resume_option,
    threads_option,
    verbose_option,
)
from benchbox.cli.installed import complain, installed, report_formats
from benchbox.cli.progress import TrialProgress
from benchbox.cli.run import (
    carry_out,
    learned_costs,
    make_config,
    make_plan,
    run_record,
)
from benchbox.errors import UsageError
from benchbox.machine import n_usable_cpus
from benchbox.metrics import Metric
from benchbox.models import SearchSpace
from benchbox.options import spell
from benchbox.plugins import Registry
from benchbox.protocols import Fold, validation_fold
from benchbox.records import (
    RunConfig,
    RunFolder,
    TrialRecord,
    TuningBudget,
    new_run_id,
    now,
)
from benchbox.reports import (
    TextTable,
    fitted,
    paragraph,
    remark,
    render,
    terminal_width,
    write_tables,
)
from benchbox.runs import (
    Chosen,
    Events,
    Plan,
    PlannedTrial,
    StudiesRecord,
    Study,
    StudyListener,
    StudyRecord,
    execute,
    free_space,
    needs_optuna,
    resolve_metrics,
    trials_left,
)
from benchbox.trials import LocalExecutor

_Place = tuple[int, str, int]
"""Stage, fold and model, as a `Plan` names what was chosen for them."""

STUDY = "study.json"
"""File of a run that holds what was tried, model by model and fold by fold."""


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
@results_option
@resume_option
@verbose_option
def command(out: Path, resume: str | None, verbose: bool, **chosen: Any) -> int:
    """Choose each model's options on validation ratings, then compare.

    Every model has the same budget on every fold. Options are judged by ratings carved
    from the fold's training part by the protocol's own rule; hidden ratings are scored
    once, when the choice is made. The table shows each model as it is and tuned.
    """
    needs_optuna()
    given = {key: value for key, value in chosen.items() if value not in (None, ())}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if resume is not None:
        if given:
            raise UsageError(
                "--resume continues a run as it was; leave out other options."
            )
        folder: RunFolder | None = RunFolder.find(resume, out)
        assert folder is not None
        earlier = folder.read_run()
        config, created = earlier.config, earlier.created
        if config.tuning is None:
            raise UsageError(
                f"{folder.path.name} is no run of `benchbox tune`. Continue it with "
                f"benchbox run --resume."
            )
    else:
        folder, config, created = None, _config(given), now()
    assert config.tuning is not None
    registry = installed()
    complain(registry)
    metric = _metric(config.tuning.metric, registry)
    spaces = {o.value.name: o.value.search for o in registry.all("models")}
    if not config.models:
        tunable = tuple(sorted(name for name, space in spaces.items() if space))
        config = msgspec.structs.replace(config, models=tunable)
    threads = config.threads or n_usable_cpus()
    with tempfile.TemporaryDirectory(prefix="benchbox-") as name:
        scratch = Path(name)
        with LocalExecutor(threads, scratch / "zygote.log") as executor:
            plan = make_plan(config, registry, executor, threads, scratch)
            plan, searches = _with_tuned(plan, spaces)
            if folder is None:
                folder = RunFolder.create(out, new_run_id())
            tuning = _Tuning(plan, searches, metric, folder, executor, verbose)
            return tuning.run(registry, out, created)


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
    return make_config({}, given | {"tuning": TuningBudget(**budget)})


def _metric(name: str, registry: Registry) -> Metric:
    by_name = {metric.name: metric for metric in resolve_metrics(registry)}
    if name not in by_name:
        raise UsageError(f"No metric named {name!r}. Available: {', '.join(by_name)}.")
    return by_name[name]


def _with_tuned(
    plan: Plan, spaces: Mapping[str, SearchSpace]
) -> tuple[Plan, dict[int, SearchSpace]]:
    """Return the plan with each model twice, and what to search for the second ones."""
    models, searches = [], {}
    for model in plan.models:
        models.append(model)
        space = free_space(spaces.get(model.name, {}), model.changed, model.options)
        if space:
            searches[len(models)] = space
            models.append(msgspec.structs.replace(model, tuned=True))
    return replace(plan, models=models), searches


class _Tuning:
    """All searches of a run, and the run itself."""

    def __init__(
        self,
        plan: Plan,
        searches: Mapping[int, SearchSpace],
        metric: Metric,
        folder: RunFolder,
        executor: LocalExecutor,
        verbose: bool,
    ) -> None:
        self._plan, self._searches, self._metric = plan, searches, metric
        self._folder, self._executor, self._verbose = folder, executor, verbose

    def run(self, registry: Registry, out: Path, created: str) -> int:
        """Tune, run, and print both tables."""
        studies = self._studies(created)
        if studies is None:
            record = self._folder.read_run()
            record.status = "interrupted"
            self._folder.write_run(record)
            return self._interrupted()
        self._write(list(studies.values()))
        chosen = {
            place: Chosen(options=study.chosen, seconds=study.seconds)
            for place, study in studies.items()
        }
        plan = replace(self._plan, chosen=chosen)
        left = trials_left(plan, self._folder)
        progress = TrialProgress(left, learned_costs(registry, out), self._verbose)
        events = Events(registry, complain_of)
        run = carry_out(
            plan, left, self._folder, self._executor, progress, events, created
        )
        write_tables(self._folder, report_formats(registry))
        click.echo(render(self._folder, "table"))
        click.echo("\n" + _table(list(studies.values())))
        click.echo(f"\nResults, studies and logs: {self._folder.path}", err=True)
        if run.status != "finished":
            return self._interrupted()
        ended = self._folder.trials()
        return int(any(r.status not in ("ok", "skipped") for r in ended))

    def _studies(self, created: str) -> dict[_Place, StudyRecord] | None:
        """Return what each search has found; `None` after Ctrl-C."""
        # The run is on disk before its first trial, so that it can be resumed.
        self._folder.write_run(run_record(self._plan, self._folder, created))
        studies = {}
        for number, stage in enumerate(self._plan.stages):
            for fold in stage.folds:
                for model in self._searches:
                    study = self._search(number, fold, model)
                    if study is None:
                        return None
                    if study.tried:
                        studies[number, fold.name, model] = study.record()
        return studies

    def _search(self, stage: int, fold: Fold, model: int) -> Study | None:
        first = PlannedTrial(
            plan=self._plan,
            stage_number=stage,
            model_number=model,
            fold=fold,
            replicate=0,
        )
        records = self._folder.inner(f"tuning/m{model:02d}-{first.model.name}")
        study = Study(
            self._plan,
            (stage, model),
            validation_fold(fold, first.fold_seed("tuning")),
            self._searches[model],
            self._metric,
            records,
        )
        if first.skip_reason():
            return study
        console = Console(stderr=True, highlight=False)
        with console.status(f"tuning {study.label}") as status:
            listener = StudyListener(study, _Spinner(study, status, self._verbose))
            done = execute(
                study.plan,
                study.trials(),
                records,
                self._executor,
                listener,
            )
        if not done.to_the_end:
            return None
        if not console.is_terminal or self._verbose:
            console.print(f"tuned {_said(study.record())}")
        return study

    def _write(self, studies: list[StudyRecord]) -> None:
        record = StudiesRecord(
            run=self._folder.path.name,
            stages=[stage.record().label for stage in self._plan.stages],
            seed=self._plan.config.seed,
            environment=self._plan.environment.id,
            studies=studies,
        )
        encoded = msgspec.json.format(msgspec.json.encode(record), indent=1)
        self._folder.write_text(STUDY, encoded.decode() + "\n")

    def _interrupted(self) -> int:
        path = self._folder.path
        click.echo(
            f"benchbox: Interrupted. Continue with: "
            f"benchbox tune --resume {path.name} --out {path.parent}",
            err=True,
        )
        return 130


class _Spinner:
    """Shows how a search gets on, on standard error."""

    def __init__(self, study: Study, status: Status, verbose: bool) -> None:
        self._study, self._status, self._verbose = study, status, verbose

    def trial_started(self, trial: PlannedTrial) -> None:
        """Show that *trial* begins."""
        self._show("")

    def trial_said(self, message: Mapping[str, Any]) -> None:
        """Show the epoch a running trial has reached."""
        if message["kind"] == "epoch":
            self._show(f", epoch {message['epoch']}/{message['of']}")

    def trial_ended(self, trial: PlannedTrial, record: TrialRecord) -> None:
        """Print a line, if asked to."""
        if self._verbose:
            tried = self._study.tried[-1]
            value = record.status if tried.value is None else f"{tried.value:.4f}"
            self._status.console.print(
                f"{self._study.label}: {value}, {tried.seconds:.1f} s, "
                f"{spell('', tried.options)[1:]}"
            )

    def _show(self, more: str) -> None:
        number = len(self._study.tried) + 1
        self._status.update(
            f"tuning {self._study.label}: trial {number}/{self._study.n_trials}{more}"
        )


def _said(study: StudyRecord) -> str:
    return (
        f"{study.model.removesuffix(' tuned')} on {study.fold}: validation "
        f"{study.metric} {_figure(study.before)} → {_figure(study.after)} in "
        f"{len(study.tried)} trials, {study.seconds:.1f} s"
    )


def _table(studies: list[StudyRecord]) -> str:
    """Return what each search cost and found."""
    if not studies:
        return "Nothing was tuned: no model has options to search."
    budget = studies[0].budget
    limit = f" or {budget.seconds:g} s" if budget.seconds else ""
    notes = (
        f"before, after: {studies[0].metric} over validation ratings, which are carved "
        f"from training ratings.",
        f"Budget of each model on each fold: {budget.trials} trials{limit}. Cost in "
        f"all: {sum(study.seconds for study in studies):.1f} s. Details: {STUDY}.",
        "Each try is one fit: gains smaller than the spread between seeds are luck.",
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
                ", ".join(_moved(study)) or "as it was",
            ]
            for study in studies
        ],
        words=(0, 1, 6),
        gives_way=(2, 3),
        folds=(0, 6),
    )


def _moved(study: StudyRecord) -> list[str]:
    """Return the chosen options that differ from those in force before, as spelt."""
    start = study.tried[0].options
    moved = {k: v for k, v in study.chosen.items() if v != start[k]}
    return [spell("", {name: value})[1:] for name, value in moved.items()]


def _figure(value: float | None) -> str:
    return "failed" if value is None else f"{value:.4f}"

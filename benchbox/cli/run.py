"""`benchbox run`: fit every chosen model on every chosen fold, and print the table."""

import shlex
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from benchbox.cli.common import (
    complain_of,
    device_option,
    notify,
    protocols_option,
    results_option,
    resume_option,
    threads_option,
    verbose_option,
)
from benchbox.cli.installed import complain, installed, report_formats
from benchbox.cli.progress import TrialProgress, clock
from benchbox.errors import PluginError, UsageError
from benchbox.machine import Environment, n_usable_cpus
from benchbox.metrics import Metric
from benchbox.models import Precision
from benchbox.plugins import Registry, Suite, suite_from_toml
from benchbox.records import (
    MetricRecord,
    RunConfig,
    RunFolder,
    RunRecord,
    new_run_id,
    now,
)
from benchbox.reports import TextTable, fitted, render, terminal_width, write_tables
from benchbox.runs import (
    Costs,
    Events,
    Plan,
    PlannedTrial,
    TellingListener,
    execute,
    find_accelerators,
    newest_runs,
    resolve_cases,
    resolve_metrics,
    resolve_models,
    resolve_stages,
    trials_left,
)
from benchbox.trials import LocalExecutor

# What a case settles for itself.
_PARTS = ("models", "datasets", "protocols", "folds", "columns")


@click.command("run")
@click.option(
    "--suite",
    metavar="NAME|FILE",
    help="Settings by name, or in a TOML file with the long names of these options as "
    'keys, such as models = ["bias", "biased-mf"]. Options given here override it.',
)
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="A model, such as autorec-user:hidden_units=300 or my_model.py:MyModel; "
    "repeatable. Without it, all installed models run.",
)
@click.option(
    "-d",
    "--dataset",
    "datasets",
    multiple=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="A data set, a file of ratings, or train.csv+test.csv; repeatable.  "
    "[default: ml-100k]",
)
@click.option(
    "--columns", help="Columns of own files: user=…,item=…,rating=…,timestamp=…"
)
@protocols_option
@click.option("-f", "--folds", metavar="NAME,…", help="Run these folds only.")
@click.option("--seed", type=int, help="Root of all model seeds.  [default: 0]")
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    help="Fits of a stochastic model per fold.  [default: 2]",
)
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    help="Repetitions of each fit, for its timing; compare wants 6.  [default: 1]",
)
@click.option(
    "--latency",
    is_flag=True,
    default=None,
    help="Also time single calls of predict: 1, 32 and 1,024 pairs, and a user's row.",
)
@device_option
@click.option(
    "--precision",
    type=click.Choice(get_args(Precision)),
    help="Arithmetic of torch's matrix products.  [default: float32]",
)
@threads_option
@click.option(
    "--time-limit",
    "time_limit_seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End a trial that takes longer.",
)
@click.option(
    "--memory-limit",
    "memory_limit_gib",
    type=click.FloatRange(min=0, min_open=True),
    metavar="GIB",
    help="End a trial that holds more memory.",
)
@click.option(
    "--clip/--no-clip", default=None, help="Clip to the scale.  [default: clip]"
)
@click.option(
    "--keep-predictions/--drop-predictions",
    default=None,
    help="Whether to store predictions.  [default: keep]",
)
@results_option
@resume_option
@click.option(
    "--dry-run", is_flag=True, help="Show what would run and what it may take."
)
@verbose_option
def command(
    suite: str | None,
    out: Path,
    resume: str | None,
    dry_run: bool,
    verbose: bool,
    **chosen: Any,
) -> int:
    """Fit and compare models on ratings they have not seen."""
    given = {key: value for key, value in chosen.items() if value not in (None, ())}
    # A polite request to end is treated like Ctrl-C: nothing may be lost.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    registry = installed()
    complain(registry)
    if resume is not None:
        if given or suite:
            raise UsageError(
                "--resume continues a run as it was; leave out other options."
            )
        folder = RunFolder.find(resume, out)
        earlier = folder.read_run()
        config, created = earlier.config, earlier.created
    else:
        settings = {} if suite is None else _settings(suite, given, registry)
        folder, config, created = None, make_config(settings, given), ""
    if config.tuning is not None:
        raise UsageError(
            "A run with a tuning budget is one of `benchbox tune`; --resume it there."
        )
    threads = config.threads or n_usable_cpus()
    with tempfile.TemporaryDirectory(prefix="benchbox-") as name:
        scratch = Path(name)
        with LocalExecutor(threads, scratch / "zygote.log") as executor:
            plan = make_plan(config, registry, executor, threads, scratch)
            costs = learned_costs(registry, out)
            if dry_run:
                click.echo(_preview(plan, costs))
                return 0
            if folder is None:
                folder = RunFolder.create(out, new_run_id())
            return _run(plan, folder, executor, costs, verbose, created, registry)


def make_config(settings: Mapping[str, Any], given: dict[str, Any]) -> RunConfig:
    """Return *settings* of a suite, overridden by those *given* as options.

    Raises:
        UsageError: They do not fit.
    """
    if "folds" in given:
        given["folds"] = tuple(part.strip() for part in given["folds"].split(","))
    try:
        return msgspec.convert({**settings, **given}, RunConfig)
    except msgspec.ValidationError as error:
        raise UsageError(f"The settings of the run cannot be used: {error}.") from None


def _settings(
    text: str, given: Mapping[str, Any], registry: Registry
) -> Mapping[str, Any]:
    """Return the settings of the suite named *text*, or in the file of that name."""
    if text in registry.offers["suites"] or not Path(text).suffix:
        suite: Suite = registry.find("suites", text).value
    else:
        try:
            suite = suite_from_toml(Path(text))
        except PluginError as error:
            raise UsageError(str(error)) from None
    clash = sorted(given.keys() & set(_PARTS)) if "cases" in suite.settings else []
    if clash:
        raise UsageError(
            f"The cases of suite {text!r} name their own {clash[0]}. Leave the "
            f"option out, or run without --suite."
        )
    return suite.settings


def make_plan(
    config: RunConfig,
    registry: Registry,
    executor: LocalExecutor,
    threads: int,
    scratch: Path,
) -> Plan:
    """Return what a run with these settings does, with every name resolved."""
    # Names first: a misspelt model must not wait for a download.
    if config.cases:
        models, stages = resolve_cases(config, registry, executor, scratch, notify)
    else:
        models = resolve_models(config.models, registry, executor, scratch)
        stages = resolve_stages(config, registry, notify)
    return Plan(
        config=config,
        models=models,
        stages=stages,
        metrics=resolve_metrics(registry),
        n_threads=threads,
        accelerators=find_accelerators(config.device, executor, scratch),
    )


def learned_costs(registry: Registry, out: Path) -> Costs:
    """Return what trials cost, by authors' hints and by earlier runs in *out*."""
    costs = Costs({o.value.name: o.value.cost_hint for o in registry.all("models")})
    costs.learn_from(newest_runs(out))
    return costs


def _run(
    plan: Plan,
    folder: RunFolder,
    executor: LocalExecutor,
    costs: Costs,
    verbose: bool,
    created: str,
    registry: Registry,
) -> int:
    left = trials_left(plan, folder)
    progress = TrialProgress(left, costs, verbose)
    events = Events(registry, complain_of)
    run = carry_out(plan, left, folder, executor, progress, events, created)
    write_tables(folder, report_formats(registry))
    click.echo(render(folder, "table"))
    click.echo(f"\nResults, tables and logs: {folder.path}", err=True)
    if run.status != "finished":
        click.echo(
            f"benchbox: Interrupted. Continue with: "
            f"benchbox run --resume {folder.path.name} --out {folder.path.parent}",
            err=True,
        )
        return 130
    return int(any(r.status not in ("ok", "skipped") for r in folder.trials()))


def carry_out(
    plan: Plan,
    trials: Sequence[PlannedTrial],
    folder: RunFolder,
    executor: LocalExecutor,
    progress: TrialProgress,
    events: Events,
    created: str = "",
) -> RunRecord:
    """Run *trials* of *plan* into *folder*, and return how the run stands then.

    Args:
        plan: What the run does.
        trials: Those to run now.
        folder: Where the records go.
        executor: What runs the trials.
        progress: Shows how they get on.
        events: Tells the plugins that want to know.
        created: When the run began, if it did so earlier.
    """
    record = run_record(plan, folder, created or now())
    folder.write_run(record)
    events.tell("run_started", run=record, folder=folder.path)
    listener = TellingListener(record, events, progress)
    with progress:
        done = execute(plan, trials, folder, executor, listener)
    record.status = "finished" if done.to_the_end else "interrupted"
    record.first_use_seconds |= done.first_use_seconds
    record.finished = now()
    folder.write_run(record)
    events.tell("run_ended", run=record, folder=folder.path)
    return record


def run_record(plan: Plan, folder: RunFolder, created: str) -> RunRecord:
    """Return the record of a run that begins, or goes on, in *folder*."""
    earlier = _earlier_environments(folder, plan.environment)
    return RunRecord(
        id=folder.path.name,
        created=created,
        config=plan.config,
        command=shlex.join(["benchbox", *sys.argv[1:]]),
        n_trials=len(plan.trials),
        n_threads=plan.n_threads,
        models=plan.models,
        stages=[stage.record() for stage in plan.stages],
        metrics=[_metric_record(metric) for metric in plan.metrics],
        environment=plan.environment,
        earlier_environments=earlier,
    )


def _earlier_environments(folder: RunFolder, now: Environment) -> list[Environment]:
    """Return what the trials of a resumed run ran on before, if it was another."""
    if not (folder.path / "run.json").exists():
        return []
    before = folder.read_run()
    known = [*before.earlier_environments, before.environment]
    return [environment for environment in known if environment.id != now.id]


def _metric_record(metric: Metric) -> MetricRecord:
    names = MetricRecord.__struct_fields__
    return MetricRecord(**{name: getattr(metric, name) for name in names})


def _preview(plan: Plan, costs: Costs) -> str:
    rows, total, unknown = [], 0.0, 0
    for number, stage in enumerate(plan.stages):
        for place in plan.takers(number):
            model = plan.models[place]
            mine = [
                t
                for t in plan.trials
                if (t.stage_number, t.model_number) == (number, place)
            ]
            running = [t for t in mine if not t.skip_reason()]
            guesses = [costs.seconds(model, len(t.fold.train)) for t in running]
            known = [seconds for seconds in guesses if seconds is not None]
            total, unknown = total + sum(known), unknown + len(guesses) - len(known)
            basis = "measured" if costs.is_measured(model) else "author's hint"
            cost = f"{sum(known):.1f} s ({basis})" if known else "unknown"
            what = f"{len(mine)}" if running else f"{len(mine)}, skipped"
            rows.append((stage.record().label, model.label, what, cost))
    table = TextTable(
        headings=["data · protocol", "model", "trials", "estimated"],
        rows=rows,
        words=range(4),
        folds=(0, 1),
    )
    more = f", and {unknown} trials of unknown cost" if unknown else ""
    text = fitted(table, terminal_width()).text
    return f"{text}\n\n{len(plan.trials)} trials, about {clock(total)} in all{more}."

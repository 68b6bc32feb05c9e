"""`benchbox run`: fit every chosen model on every chosen fold and print the table."""

import shlex
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import click

from benchbox.cli.common import (
    COLUMNS_HELP,
    allow_network_option,
    allow_read_option,
    check_resume,
    code_option,
    complain_of,
    execution_of,
    execution_options,
    format_or_json,
    hand_out,
    json_option,
    protocols_option,
    quiet_option,
    rerun_option,
    results_option,
    resume_option,
    say,
    threads_option,
    to_json,
    trust_option,
    verbose_option,
)
from benchbox.cli.device_option import device_option
from benchbox.cli.installed import (
    complain,
    installed,
    report_formats,
    table_columns,
)
from benchbox.cli.progress import TrialProgress, clock
from benchbox.errors import ResultsError, UsageError, counted, printable
from benchbox.models import Precision
from benchbox.plugins import Registry
from benchbox.records import (
    SILENCE_SECONDS,
    RunConfig,
    RunFolder,
    TrialRecord,
    new_run_id,
    run_paths,
)
from benchbox.reports import TextTable, fitted, paragraph, render, terminal_width
from benchbox.runs import (
    Costs,
    Execution,
    Plan,
    Session,
    Trust,
    about_unfinished,
    command_to_continue,
    config_to_resume,
    failed_metrics,
    make_config,
    suite_settings,
)


@click.command("run")
@click.option(
    "--suite",
    metavar="NAME|FILE",
    help="Stored settings, by name or TOML file. Keys are the long names of these "
    'options: models = ["bias", "biased-mf"]. Options given here override them.',
)
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="Model, such as autorec-user:hidden_units=300 or my_model.py:MyModel; "
    "repeatable; all: every installed model.  [default: see `benchbox list models`]",
)
@click.option(
    "-d",
    "--dataset",
    "datasets",
    multiple=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="Data set, file of ratings, or folds such as train.csv+test.csv or "
    "'u*.base+u*.test'; repeatable.  [default: ml-100k]",
)
@click.option("--columns", help=COLUMNS_HELP)
@protocols_option
@click.option("-f", "--folds", metavar="NAME,…", help="Run only these folds.")
@click.option(
    "--seed",
    type=int,
    help="Root seed; every model's seed derives from it.  [default: 0]",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    help="Fits per fold of a stochastic model, each with its own seed.  [default: 2]",
)
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    help="Repetitions of each fit, to measure its time; `benchbox compare` needs 6.  "
    "[default: 1]",
)
@click.option(
    "--latency",
    is_flag=True,
    default=None,
    help="Also time single predictions: of 1, 32 and 1,024 pairs, and of all items for "
    "one user.",
)
@device_option
@click.option(
    "--precision",
    type=click.Choice(get_args(Precision)),
    help="Precision of torch's matrix products.  [default: float32]",
)
@threads_option
@click.option(
    "--time-limit",
    "time_limit_seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop a trial that takes longer.",
)
@click.option(
    "--silence-limit",
    "silence_limit_seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop a trial that says, prints and computes nothing for so long.  "
    f"[default: {SILENCE_SECONDS:g}]",
)
@click.option(
    "--memory-limit",
    "memory_limit_gib",
    type=click.FloatRange(min=0, min_open=True),
    metavar="GIB",
    help="Stop a trial that uses more memory, with all it starts.  [default: that of "
    "the machine, less a tenth and at least 1]",
)
@click.option(
    "--clip/--no-clip",
    default=None,
    help="Whether to clip predictions to the rating scale.  [default: clip]",
)
@click.option(
    "--keep-predictions/--drop-predictions",
    default=None,
    help="Whether to store predictions.  [default: keep]",
)
@allow_read_option
@allow_network_option
@execution_options
@results_option
@resume_option
@rerun_option
@code_option
@trust_option
@click.option(
    "--dry-run", is_flag=True, help="Show what would run, and an estimate of the time."
)
@json_option
@verbose_option
@quiet_option
def command(
    suite: str | None,
    out: Path,
    resume: str | None,
    code: tuple[Path, ...],
    trust: bool,
    dry_run: bool,
    verbose: bool,
    **chosen: Any,
) -> int:
    """Fit models and compare their predictions of hidden ratings.

    Without options, the installed models are compared on MovieLens-100K. The table is
    printed at the end; results are stored in the folder of the runs.
    """
    execution = execution_of(chosen)
    rerun, quiet = chosen.pop("rerun"), chosen.pop("quiet")
    as_json = chosen.pop("as_json")
    given = {key: value for key, value in chosen.items() if value not in (None, ())}
    check_resume(resume, bool(given or suite), rerun, code, trust)
    registry = installed()
    complain(registry)
    if suite is not None:
        given = dict(suite_settings(suite, given, registry))
    folder = None if resume is None else RunFolder.find(resume, out)
    if folder is None:
        config = make_config(given)
        if config.tuning is not None:
            raise UsageError(
                "`benchbox run` does not tune models. Leave `tuning` out of the suite, "
                "or use `benchbox tune`."
            )
    else:
        config = config_to_resume(folder, Trust(registry, code, trust), is_tuned=False)
    progress = TrialProgress(verbose, quiet=quiet)
    with progress, session_of(registry, progress, execution) as session:
        if not dry_run:
            return run_and_print(
                session, progress, config, folder, out, rerun=rerun, as_json=as_json
            )
        plan = session.plan(config)
        guesses = _guesses(plan, session.costs(out))
        jobs = session.jobs_at_once(plan.n_threads)
    if as_json:
        hand_out(to_json([asdict(guess) for guess in guesses]))
    else:
        say(_preview(guesses, jobs))
    return 0


def session_of(
    registry: Registry, progress: TrialProgress, execution: Execution
) -> Session:
    """Return a session that shows its progress on standard error."""
    typed = printable(shlex.join(["benchbox", *sys.argv[1:]]))
    return Session(registry, progress.tell, progress, typed, execution)


def run_and_print(
    session: Session,
    progress: TrialProgress,
    config: RunConfig,
    folder: RunFolder | None,
    out: Path,
    more: Callable[[RunFolder], str] = lambda folder: "",
    rerun: str | None = None,
    as_json: bool = False,
) -> int:
    """Carry out a run, print its table, and return the exit code.

    Args:
        session: Session that carries out the run.
        progress: Shows how it goes, and knows where its time went.
        config: Settings of the run.
        folder: Folder of the run to continue; `None` starts a new run.
        out: Folder of the runs, where a new run gets its own folder.
        more: Returns text to print below the table; may be empty.
        rerun: Which trials that have ended are run again; by default failed ones.
        as_json: Whether to print JSON instead of the table and what is below it.
    """
    plan = session.plan(config)
    if folder is None:
        _tell_of_killed(out)
        folder = RunFolder.create(out, new_run_id())
    run = session.carry_out(plan, folder, rerun or "failed")
    found = folder.examine()
    trials = found.records
    if trials:
        registry = session.registry
        columns = table_columns(registry)
        form = format_or_json("table", as_json)
        say(render(folder, form, report_formats(registry), columns=columns))
        if not as_json and (text := more(folder)):
            say(f"\n{text}")
        if not progress.is_quiet:
            spent = progress.time_spent(sum(run.first_use_seconds.values()))
            say(f"\n{paragraph(spent, terminal_width())}", err=True)
            say(f"Results, tables and logs: {folder.path}", err=True)
    if run.status != "finished":
        command = command_to_continue(config, folder, session.execution.words)
        complain_of(f"Interrupted. Continue with: {command}")
        return 130
    is_whole = not (plan.refused or found.left_out)
    return int(not is_whole or any(map(_went_wrong, trials)))


def _tell_of_killed(out: Path) -> None:
    """Say how to continue the newest run if it was killed."""
    for path in run_paths(out)[-1:]:
        with suppress(ResultsError):
            folder = RunFolder(path)
            if folder.read_run().status == "started" and (
                line := about_unfinished(folder)
            ):
                complain_of(line)


def _went_wrong(trial: TrialRecord) -> bool:
    """Return whether a trial did not end well, or a metric has failed in it."""
    return trial.status not in ("ok", "skipped") or bool(failed_metrics(trial))


@dataclass(frozen=True, slots=True)
class _Guess:
    """What one model would do in a run, and how long it may take.

    Attributes:
        data: Data set and protocol.
        model: Label of the model.
        trials: Number of its trials.
        skipped: Whether they would all be skipped.
        seconds: How long those of known cost may take; `None` if none is.
        unknown: Number of trials of unknown cost.
        is_measured: Whether seconds are from earlier runs, not from the author's hint.
    """

    data: str
    model: str
    trials: int
    skipped: bool
    seconds: float | None
    unknown: int
    is_measured: bool


def _guesses(plan: Plan, costs: Costs) -> list[_Guess]:
    guesses = []
    for number, stage in enumerate(plan.stages):
        for place in plan.participants(number):
            model = plan.models[place]
            mine = [
                t
                for t in plan.trials
                if (t.stage_number, t.model_number) == (number, place)
            ]
            running = [t for t in mine if not t.skip_reason()]
            found = [costs.seconds(model, len(t.fold.train)) for t in running]
            known = [seconds for seconds in found if seconds is not None]
            guesses.append(
                _Guess(
                    stage.record().label,
                    model.label,
                    trials=len(mine),
                    skipped=not running,
                    seconds=sum(known) if known else None,
                    unknown=len(found) - len(known),
                    is_measured=costs.is_measured(model),
                )
            )
    return guesses


def _preview(guesses: list[_Guess], jobs: int) -> str:
    rows = []
    for guess in guesses:
        basis = "measured" if guess.is_measured else "author's hint"
        is_known = guess.seconds is not None
        cost = f"{guess.seconds:.1f} s ({basis})" if is_known else "unknown"
        what = f"{guess.trials}{', skipped' if guess.skipped else ''}"
        rows.append((guess.data, guess.model, what, cost))
    table = TextTable(
        headings=["data · protocol", "model", "trials", "estimated"],
        rows=rows,
        words=range(4),
        folds=(0, 1),
    )
    unknown = sum(guess.unknown for guess in guesses)
    more = f", and {counted(unknown, 'trial')} of unknown cost" if unknown else ""
    text = fitted(table, terminal_width()).text
    n = counted(sum(guess.trials for guess in guesses), "trial")
    total = clock(sum(guess.seconds or 0 for guess in guesses) / jobs)
    at_once = f", {jobs} at once" if jobs > 1 else ""
    return f"{text}\n\n{n}, about {total} in total{at_once}{more}."

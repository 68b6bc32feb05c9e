"""What a run that did not finish still has to do, and how to continue it."""

import shlex
from collections.abc import Callable, Sequence

from msgspec import structs

from benchbox.errors import ResultsError, UsageError, counted, nearest
from benchbox.protocols import older_rule
from benchbox.records import RunConfig, RunFolder, RunRecord, TrialRecord
from benchbox.runs.halving import with_any_batch
from benchbox.runs.plan import Plan, PlannedTrial
from benchbox.runs.trust import Trust, model_files

FAILED, ALL, NONE = "failed", "all", "none"
"""Which trials that have ended are run again; or else those of a model."""


def trials_left(
    plan: Plan,
    folder: RunFolder,
    records: Sequence[TrialRecord],
    rerun: str = FAILED,
) -> list[PlannedTrial]:
    """Return the trials that a resumed run still has to do.

    Trials without a record and interrupted ones are always among them.

    Args:
        plan: Plan of the run.
        folder: Folder of the run.
        records: Its sound records.
        rerun: Which others are run again: ``failed``, ``all``, ``none``, or the name or
            the label of a model, whose trials are then run again beside failed ones.

    Raises:
        UsageError: The run has no such model.
    """
    is_done = _is_done(plan, rerun)
    models = folder.read_run().models
    # Tuning may choose what was in force: two models then share their keys. So do two
    # files with the same ratings.
    done = {
        (r.stage, r.key, models[r.model].id, r.repeat) for r in records if is_done(r)
    }
    return [
        trial
        for trial in plan.trials
        if done.isdisjoint(
            (t.stage_number, t.key, t.untuned.id, t.repeat)
            for t in with_any_batch(trial)
        )
    ]


def _is_done(plan: Plan, rerun: str) -> Callable[[TrialRecord], bool]:
    if rerun == ALL:
        return lambda record: False
    if rerun == NONE:
        return lambda record: record.status != "interrupted"
    again: set[int] = set()
    if rerun != FAILED:
        again = {n for n, m in enumerate(plan.models) if rerun in (m.name, m.label)}
        if not again:
            known = [model.label for model in plan.models]
            raise UsageError(
                f"--rerun {rerun!r}: it is neither failed, all nor none, and the run "
                f"has no such model.{nearest(rerun, known)} Its models: "
                f"{', '.join(known)}."
            )
    return lambda r: r.status in ("ok", "skipped") and r.model not in again


def command_to_continue(
    config: RunConfig, folder: RunFolder, how: Sequence[str] = ()
) -> str:
    """Return the command that continues a run, with the words *how* in it."""
    command = "run" if config.tuning is None else "tune"
    where = [folder.path.name, "--out", str(folder.path.parent)]
    files = [word for file in model_files(config) for word in ("--code", file)]
    return shlex.join(["benchbox", command, "--resume", *where, *how, *files])


def about_unfinished(folder: RunFolder) -> str:
    """Return that a run has not finished, and how to continue it; else empty.

    Nothing is said of a run that is being carried out, or was merged from others.

    Raises:
        ResultsError: The record of the run cannot be read.
    """
    run = folder.read_run()
    if run.status == "finished" or run.merged or folder.is_running():
        return ""
    how = "was interrupted" if run.status == "interrupted" else "was killed"
    done = f"{folder.n_stored():,} of {counted(run.n_trials, 'trial')}"
    command = command_to_continue(run.config, folder)
    return f"Run {run.id} {how}: {done} have ended. Continue with: {command}"


def config_to_resume(folder: RunFolder, trust: Trust, *, is_tuned: bool) -> RunConfig:
    """Return the settings of a run to continue.

    Args:
        folder: Folder of the run.
        trust: Whose code may run if the record of the run names it.
        is_tuned: Whether `benchbox tune` continues it.

    Raises:
        ResultsError: The run cannot be read.
        UsageError: The other command must continue this run, or the run names code
            that is not trusted.
    """
    run = folder.read_run()
    if run.merged:
        raise UsageError(
            f"{folder.path.name} was merged from {' + '.join(r.id for r in run.merged)}"
            f". Continue those, and merge them again."
        )
    config = trust.config(run.config)
    # How many trials run at once now must not make it another run.
    config = structs.replace(config, threads=config.threads or run.n_threads)
    if is_tuned and config.tuning is None:
        raise UsageError(
            f"{folder.path.name} is not a run of `benchbox tune`. Continue it with "
            f"benchbox run --resume."
        )
    if config.tuning is not None and not is_tuned:
        raise UsageError(
            "A run with a tuning budget is one of `benchbox tune`; --resume it there."
        )
    return config


def check_stages(plan: Plan, earlier: RunRecord) -> None:
    """Refuse to go on with a run whose records would be taken for those of others.

    Raises:
        ResultsError: The plan has other stages or models than the run, or its folds
            were drawn by an older rule.
    """
    for stage in earlier.stages:
        if why := older_rule(stage.fold_format):
            raise ResultsError(
                f"Run {earlier.id} cannot go on: {why}; the seeds of its models were "
                f"drawn by that rule, too. Begin a new run; `benchbox report` still "
                f"shows this one."
            )
    begun = [stage.label for stage in earlier.stages]
    planned = [stage.record().label for stage in plan.stages]
    if planned != begun:
        raise ResultsError(
            f"Run {earlier.id} was begun on {'; '.join(begun)}, and would go on on "
            f"{'; '.join(planned)}. Begin a new run."
        )
    models = [[model.label for model in each.models] for each in (earlier, plan)]
    if models[0] != models[1]:
        raise ResultsError(
            f"Run {earlier.id} was begun with the models {', '.join(models[0])}, and "
            f"would go on with {', '.join(models[1])}: other models are installed. "
            f"Begin a new run."
        )

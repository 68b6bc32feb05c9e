"""What a run that did not finish still has to do, and how to continue it."""

import shlex
from collections.abc import Callable, Sequence

from benchbox.errors import UsageError, counted, nearest
from benchbox.records import RunConfig, RunFolder, TrialRecord
from benchbox.runs.halving import with_any_batch
from benchbox.runs.plan import Plan, PlannedTrial
from benchbox.runs.trust import model_files

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

"""Runs the trials of a plan, scores their predictions and writes their records."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchbox.records import RunFolder, scratch_folder
from benchbox.runs.attempts import Attempts
from benchbox.runs.fold_store import FoldStore
from benchbox.runs.listener import Listener
from benchbox.runs.plan import Plan, PlannedTrial
from benchbox.trials import Executor


@dataclass(frozen=True, slots=True)
class Executed:
    """How the trials of a run were carried out.

    Attributes:
        to_the_end: Whether all trials were run; false after Ctrl-C.
        first_use_seconds: Wall-clock seconds of each model's first use, before its
            trials.
    """

    to_the_end: bool
    first_use_seconds: dict[str, float]


def execute(
    plan: Plan,
    trials: Iterable[PlannedTrial],
    folder: RunFolder,
    executor: Executor,
    listener: Listener,
) -> Executed:
    """Run *trials* of *plan*; each record is on disk the moment its trial ends.

    Args:
        plan: Plan of the run.
        trials: Trials to run; those on one fold are together. The next one is drawn
            after the listener got the record of the one before.
        folder: Folder for the records.
        executor: Executor that runs the trials.
        listener: Its methods are called as the trials progress.

    Before its first trial, each model is fitted to a few ratings, so that the cost of a
    first use, such as compilation, is not in the times of any trial.
    """
    with scratch_folder() as scratch:
        attempts = Attempts(folder, executor, listener, scratch)
        try:
            _execute(plan, trials, folder, listener, attempts, scratch)
        except KeyboardInterrupt:
            return Executed(False, attempts.first_use.wall_seconds)
    return Executed(True, attempts.first_use.wall_seconds)


def _execute(
    plan: Plan,
    trials: Iterable[PlannedTrial],
    folder: RunFolder,
    listener: Listener,
    attempts: Attempts,
    scratch: Path,
) -> None:
    known = folder.examine().records
    digests = {r.key: r.predictions_digest for r in known if not r.repeat}
    store: FoldStore | None = None
    for trial in trials:
        if store is None or store.fold is not trial.fold:
            if store is not None:
                store.clear()
            store = FoldStore(trial, scratch)
        listener.trial_started(trial)
        try:
            record, predicted = attempts.attempt(trial, store)
        except KeyboardInterrupt:
            reason = "stopped by the user"
            record = trial.record(status="interrupted", reason=reason)
            folder.write_trial(record, None)
            raise
        first = digests.setdefault(record.key, record.predictions_digest)
        if record.status == "ok" and first not in ("", record.predictions_digest):
            record.notes["repeat"] = "predictions differ from those of repeat 0"
        # A repeat predicts the same, and is there for its timing alone.
        wanted = plan.config.keep_predictions and not trial.repeat
        if wanted and predicted is not None:
            if not folder.has_reference(record):
                folder.write_reference(record, store.reference)
            folder.write_trial(record, predicted.values, predicted.distribution)
        else:
            folder.write_trial(record, None)
        listener.trial_ended(trial, record)

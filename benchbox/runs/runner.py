"""Runner: from a plan to trials, from trials to records, keeping the hidden ratings."""

from collections.abc import Iterable
from dataclasses import dataclass

from benchbox.files import scratch_folder
from benchbox.records import RunFolder
from benchbox.runs.attempts import Attempts
from benchbox.runs.fold_store import FoldStore
from benchbox.runs.listener import Listener
from benchbox.runs.plan import Plan, PlannedTrial
from benchbox.trials import Executor


@dataclass(frozen=True, slots=True)
class Executed:
    """How the trials of a run were carried out.

    Attributes:
        to_the_end: Whether all came to an end; false after Ctrl-C.
        first_use_seconds: What the first use of each model took, in no trial's figures.
    """

    to_the_end: bool
    first_use_seconds: dict[str, float]


def trials_left(plan: Plan, folder: RunFolder) -> list[PlannedTrial]:
    """Return the trials that a resumed run still has to do."""
    models = folder.read_run().models
    # Tuning may choose what was in force: two models then share their keys.
    done = {
        (r.key, models[r.model].id, r.repeat)
        for r in folder.trials()
        if r.status in ("ok", "skipped")
    }
    return [
        trial
        for trial in plan.trials
        if (trial.key, trial.untuned.id, trial.repeat) not in done
    ]


def execute(
    plan: Plan,
    trials: Iterable[PlannedTrial],
    folder: RunFolder,
    executor: Executor,
    listener: Listener,
) -> Executed:
    """Run *trials* of *plan*; each record is on disk the moment its trial ends.

    Args:
        plan: What the run does.
        trials: Those to run now; trials on one fold stand together. The next is asked
            for when the listener knows how the one before it ended.
        folder: Where the records go.
        executor: What runs the trials.
        listener: Whoever wants to know.

    Before the first trial of a model it is run on a few ratings, so that what only
    the first use on a machine takes is in nobody's figures.
    """
    digests = {r.key: r.predictions_digest for r in folder.trials() if not r.repeat}
    with scratch_folder() as scratch:
        store: FoldStore | None = None
        attempts = Attempts(folder, executor, listener, scratch)
        first_use = attempts.first_use
        for trial in trials:
            if store is None or store.fold is not trial.fold:
                if store is not None:
                    store.clear()
                store = FoldStore(trial, scratch)
            listener.trial_started(trial)
            try:
                record, predictions = attempts.attempt(trial, store)
            except KeyboardInterrupt:
                reason = "stopped by the user"
                record = trial.record(status="interrupted", reason=reason)
                folder.write_trial(record, None)
                return Executed(False, first_use.wall_seconds)
            first = digests.setdefault(record.key, record.predictions_digest)
            if record.status == "ok" and first not in ("", record.predictions_digest):
                record.notes["repeat"] = "predictions differ from those of repeat 0"
            # A repeat predicts the same, and is there for its timing alone.
            wanted = plan.config.keep_predictions and not trial.repeat
            keeps = wanted and predictions is not None
            if keeps and not folder.has_reference(record):
                folder.write_reference(record, store.reference)
            folder.write_trial(record, predictions if keeps else None)
            listener.trial_ended(trial, record)
    return Executed(True, first_use.wall_seconds)

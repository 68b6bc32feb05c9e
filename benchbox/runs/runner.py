"""Runner: from a plan to trials, from trials to records, keeping the hidden ratings."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchbox.errors import ModelError, ProtocolError
from benchbox.machine import PhaseClock
from benchbox.ratings import Values
from benchbox.records import (
    Pairs,
    RunFolder,
    TrialJob,
    TrialRecord,
    predictions_digest,
)
from benchbox.runs.fold_store import FoldStore
from benchbox.runs.listener import Listener
from benchbox.runs.plan import Plan, PlannedTrial
from benchbox.runs.scoring import scores
from benchbox.trials import Executor, Finished, FirstUse, read_predictions


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
    with tempfile.TemporaryDirectory(prefix="benchbox-") as scratch:
        store: FoldStore | None = None
        first_use = FirstUse(Path(scratch), executor)
        for trial in trials:
            if store is None or store.fold is not trial.fold:
                if store is not None:
                    store.clear()
                store = FoldStore(trial, Path(scratch))
            listener.trial_started(trial)
            try:
                record, predictions = _run_trial(
                    trial, store, folder, executor, listener, first_use
                )
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


def _run_trial(
    trial: PlannedTrial,
    store: FoldStore,
    folder: RunFolder,
    executor: Executor,
    listener: Listener,
    first_use: FirstUse,
) -> tuple[TrialRecord, Values | None]:
    reason = trial.skip_reason()
    if reason:
        return trial.record(status="skipped", reason=reason), None
    asked = store.asked_pairs(trial.model.capabilities)
    out = store.new_folder()
    try:
        job = _job(trial, store, out)
    except ProtocolError as error:
        return trial.record(status="failed", reason=str(error)), None

    def hand_pairs() -> Pairs:
        hidden = store.fold.hidden
        # In a new folder: into the trial's own it could put a link or a pipe.
        folder = store.new_folder()
        return Pairs.written(folder, hidden.users[asked], hidden.items[asked])

    first_use.pay(trial.model.label, job, trial.fold.train)
    limit = trial.plan.config.memory_limit_gib
    finished = executor.run(
        job,
        log=folder.log(trial.record(status="interrupted")),
        hand_pairs=hand_pairs,
        listen=listener.trial_said,
        memory_limit_bytes=None if limit is None else int(limit * 2**30),
    )
    if finished.outcome.status != "ok":
        return _trial_record(trial, finished), None
    try:
        predicted = store.completed(read_predictions(out, len(asked)), asked)
    except ModelError as error:
        finished.outcome.status, finished.outcome.reason = "failed", str(error)
        return _trial_record(trial, finished), None
    record = _scored_record(
        trial,
        finished,
        predicted,
        n_answered=len(asked),
        reference=store.reference_scores,
    )
    return record, predicted


def _job(trial: PlannedTrial, store: FoldStore, out: Path) -> TrialJob:
    model, config = trial.model, trial.plan.config
    can = model.capabilities
    carved = store.carved if can.uses_validation else {}
    return TrialJob(
        target=model.target,
        options_type=model.options_type,
        options=model.options,
        train=carved.get("train", store.train),
        validation=carved.get("validation"),
        validation_history=carved.get("validation_history"),
        refit=store.train if can.uses_validation and can.refits else None,
        history=store.history,
        out=str(out),
        device=trial.device,
        precision=config.precision,
        seed=trial.seed,
        n_threads=trial.plan.n_threads,
        latency=config.latency,
        time_limit_seconds=config.time_limit_seconds,
    )


def _trial_record(
    trial: PlannedTrial, finished: Finished, **values: Any
) -> TrialRecord:
    # Whatever a trial says of itself is a field of its record by the same name.
    return trial.record(
        **msgspec.structs.asdict(finished.outcome),
        contended=list(finished.contended),
        foreign_cpus=finished.foreign_cpus,
        gauges=finished.gauges,
        **values,
    )


def _scored_record(
    trial: PlannedTrial, finished: Finished, predicted: Values, **values: Any
) -> TrialRecord:
    clock = PhaseClock()
    with clock.phase("score"):
        metrics = scores(predicted, trial)
    finished.outcome.wall_seconds |= clock.wall_seconds
    finished.outcome.cpu_seconds |= clock.cpu_seconds
    clipped = trial.fold.hidden.scale.clip(predicted)
    return _trial_record(
        trial,
        finished,
        metrics=metrics,
        predictions_digest=predictions_digest(predicted),
        n_clipped=int(np.count_nonzero(clipped != predicted)),
        **values,
    )

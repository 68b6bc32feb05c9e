"""Runs the trials of a plan, scores their predictions and writes their records."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchbox.errors import ProtocolError
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
from benchbox.trials import PREDICTIONS, Executor, Finished, FirstUse


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
        plan: Plan of the run.
        trials: Trials to run; those on one fold are together. The next one is drawn
            after the listener got the record of the one before.
        folder: Folder for the records.
        executor: Executor that runs the trials.
        listener: Its methods are called as the trials progress.

    Before its first trial, each model is fitted to a few ratings, so that the cost of a
    first use, such as compilation, is not in the times of any trial.
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
        return Pairs.written(out, hidden.users[asked], hidden.items[asked])

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
    predicted = store.completed(np.load(out / PREDICTIONS), asked)
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
    # Whatever a trial says of itself is a field of its record by the same name, but for
    # what it could not measure, which stands among the sensors.
    said = msgspec.structs.asdict(finished.outcome)
    del said["missing"]
    return trial.record(
        **said,
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

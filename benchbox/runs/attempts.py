"""Runs a planned trial on the files of a fold, and returns its record."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchbox.errors import ModelError, ProtocolError, os_error_line
from benchbox.machine import PhaseClock
from benchbox.metrics import Distribution, table_of
from benchbox.ratings import Values
from benchbox.records import (
    RunFolder,
    TrialJob,
    TrialRecord,
    predictions_digest,
    remove_tree,
)
from benchbox.runs.access import compiled_folder
from benchbox.runs.asking import Asking
from benchbox.runs.costs import MemoryNeeds
from benchbox.runs.fold_store import FoldStore
from benchbox.runs.halving import halved
from benchbox.runs.listener import Listener
from benchbox.runs.plan import PlannedTrial
from benchbox.runs.scoring import scores
from benchbox.runs.turns import RunsAside
from benchbox.trials import AgainError, Finished, FirstUse

LOST_WORKERS = "lost workers"
"""Name of the setting that counts the machines or processes that a trial lost."""

MOST_LOST = 3
"""Who loses more has probably ended them itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """What a trial predicted of all hidden ratings.

    Attributes:
        values: Prediction per hidden rating, shape ``(n,)``.
        distribution: Distribution per hidden rating; `None` if it predicts none.
    """

    values: Values
    distribution: Distribution | None = None


Attempted = tuple[TrialRecord, Predicted | None]
"""The record of a trial, and what it predicted if it ended well."""


class Attempts:
    """Runs trials without giving them the hidden ratings.

    Attributes:
        first_use: Has each model run once before its trials.

    Args:
        folder: Where logs go.
        executor: What runs the trials.
        listener: Takes the messages of trials.
        scratch: Folder for the files of first uses.
        needs: Estimates of the memory that trials need.
    """

    def __init__(
        self,
        folder: RunFolder,
        executor: RunsAside,
        listener: Listener,
        scratch: Path,
        needs: MemoryNeeds,
    ) -> None:
        self._folder, self._executor, self._listener = folder, executor, listener
        self._needs = needs
        self.first_use = FirstUse(scratch, executor, executor.turns.wait_for)

    def attempt(self, trial: PlannedTrial, store: FoldStore) -> Attempted:
        """Run *trial*; its record says what went wrong, if anything did.

        If an accelerator has too little memory, it is run again with half the batch, in
        a process and a folder of its own, as far as the model permits it.

        Args:
            trial: The trial.
            store: Files and truth of its fold.
        """
        attempted = self._to_an_end(trial, store)
        while (smaller := halved(trial, attempted[0])) is not None:
            trial = smaller
            attempted = self._to_an_end(trial, store)
        return attempted

    def _to_an_end(self, trial: PlannedTrial, store: FoldStore) -> Attempted:
        """Run *trial*, and again while it is ended for no fault of its own."""
        is_alone, lost = False, list[str]()
        while True:
            expected = None if is_alone else self._needs.bytes_of(trial)
            try:
                attempted = self._once(trial, store, expected)
            except AgainError as error:
                is_alone = is_alone or error.alone
                lost += [] if error.alone else [str(error)]
                if len(lost) > MOST_LOST:
                    reason = f"{lost[-1]}, after {MOST_LOST} others"
                    attempted = trial.record(status="crashed", reason=reason), None
                else:
                    continue
            record = attempted[0]
            if lost:
                record.settings[LOST_WORKERS] = str(len(lost))
            self._needs.learn(record.label, len(trial.fold.train), record)
            return attempted

    def _once(
        self, trial: PlannedTrial, store: FoldStore, expected_bytes: int | None
    ) -> Attempted:
        reason = trial.skip_reason()
        if reason:
            return trial.record(status="skipped", reason=reason), None
        try:
            job = _job(trial, store)
            try:
                return self._attempt(trial, job, store, expected_bytes)
            finally:
                # Nothing of a trial is there to be found by the next.
                for folder in (job.out, job.asked):
                    remove_tree(Path(folder))
        except ProtocolError as error:
            return trial.record(status="failed", reason=str(error)), None
        except OSError as error:
            # A cleaner has removed the files meanwhile, or the disk is full.
            store.renew()
            # numpy tells of a full disk by numbers alone, and gives no error number.
            why = os_error_line(error) if error.errno else f"the disk is full ({error})"
            reason = f"its files could not be written or read: {why}"
            return trial.record(status="failed", reason=reason), None

    def _attempt(
        self,
        trial: PlannedTrial,
        job: TrialJob,
        store: FoldStore,
        expected_bytes: int | None,
    ) -> Attempted:
        model = trial.model
        if self.first_use.pay(
            model.label,
            job,
            trial.fold.train,
            trial.memory_limit_bytes,
            with_times=model.capabilities.uses_question_times,
            expected_bytes=expected_bytes,
        ):
            changed = _changed(job, store)
            if changed:
                return trial.record(status="failed", reason=changed), None
        asked = store.asked_pairs(model.capabilities)
        asking = store.asking(
            job,
            asked,
            trial.fold_seed("asked again"),
            with_times=model.capabilities.uses_question_times,
        )
        finished = self._run(trial, job, asking, expected_bytes)
        changed = _changed(job, store)
        if changed:
            return _failed(trial, finished, changed)
        if finished.outcome.status != "ok":
            return _trial_record(trial, finished), None
        try:
            predicted, distribution = asking.predictions, asking.distribution
        except ModelError as error:
            return _failed(trial, finished, str(error))
        complete = Predicted(
            store.completed(predicted, asked),
            None
            if distribution is None
            else store.completed_distribution(distribution, asked),
        )
        record = _scored_record(
            trial,
            finished,
            complete,
            n_answered=len(asked),
            asked_again=asking.finding,
            reference=store.reference_scores.records,
        )
        return record, complete

    def _run(
        self,
        trial: PlannedTrial,
        job: TrialJob,
        asking: Asking,
        expected_bytes: int | None,
    ) -> Finished:
        return self._executor.run(
            job,
            log=self._folder.log(trial.record(status="interrupted")),
            hand_pairs=asking.hand_pairs,
            # A repeat predicts the same, and is there for its timing alone.
            ask_again=None if trial.repeat else asking.ask_again,
            listen=partial(self._listener.trial_said, trial),
            memory_limit_bytes=trial.memory_limit_bytes,
            expected_bytes=expected_bytes,
        )


def _job(trial: PlannedTrial, store: FoldStore) -> TrialJob:
    model, config = trial.model, trial.plan.config
    compiled = compiled_folder(model.target, model.source_digest)
    can = model.capabilities
    carved = store.carved(trial.replicate) if can.uses_validation else {}
    return TrialJob(
        target=model.target,
        options_type=model.options_type,
        options=model.options,
        train=carved.get("train", store.train),
        validation=carved.get("validation"),
        validation_history=carved.get("validation_history"),
        refit=store.train if can.uses_validation and can.refits else None,
        history=store.history,
        out=str(store.new_folder()),
        asked=str(store.new_folder()),
        access=msgspec.structs.replace(
            trial.plan.access,
            compiled=compiled,
        ),
        device=trial.device,
        precision=config.precision,
        seed=trial.seed,
        n_threads=trial.plan.n_threads,
        distribution=can.predicts_distribution,
        latency=config.latency,
        time_limit_seconds=config.time_limit_seconds,
        silence_limit_seconds=config.silence_limit_seconds,
    )


def _changed(job: TrialJob, store: FoldStore) -> str:
    """Return why a trial fails if files of its fold have changed; replace them."""
    carved = (job.validation, job.validation_history, job.refit)
    given = [folder for folder in (job.train, job.history, *carved) if folder]
    changed = store.changed(given)
    if not changed:
        return ""
    store.renew()
    return (
        f"files that other trials read changed while it ran: {changed}. They are "
        f"written again for the next trial"
    )


def _failed(trial: PlannedTrial, finished: Finished, reason: str) -> Attempted:
    finished.outcome.status, finished.outcome.reason = "failed", reason
    return _trial_record(trial, finished), None


def _trial_record(
    trial: PlannedTrial, finished: Finished, **values: Any
) -> TrialRecord:
    # Whatever a trial says of itself is a field of its record by the same name, but for
    # what it could not measure, which stands among the sensors.
    said = msgspec.structs.asdict(finished.outcome)
    del said["missing"]
    record = trial.record(
        **said,
        contended=list(finished.contended),
        foreign_cpus=finished.foreign_cpus,
        gauges=finished.gauges,
        confined=finished.confined,
        **values,
    )
    if finished.environment is not None:
        record.environment = finished.environment.id
    return record


def _scored_record(
    trial: PlannedTrial, finished: Finished, predicted: Predicted, **values: Any
) -> TrialRecord:
    clock = PhaseClock()
    with clock.phase("score"):
        found = scores(predicted.values, trial, predicted.distribution)
    finished.outcome.notes |= found.troubles
    finished.outcome.wall_seconds |= clock.wall_seconds
    finished.outcome.cpu_seconds |= clock.cpu_seconds
    clipped = trial.fold.hidden.scale.clip(predicted.values)
    distribution = predicted.distribution
    return _trial_record(
        trial,
        finished,
        metrics=found.records,
        predictions_digest=predictions_digest(predicted.values),
        distribution_digest=(
            "" if distribution is None else predictions_digest(table_of(distribution))
        ),
        n_clipped=int(np.count_nonzero(clipped != predicted.values)),
        **values,
    )

"""Runner: from a plan to trials, from trials to records, keeping the hidden ratings."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.data import write_ratings
from benchbox.errors import ProtocolError
from benchbox.machine import PhaseClock
from benchbox.metrics import Metric, Scored
from benchbox.models import fit_bias_model
from benchbox.protocols import carve_validation
from benchbox.ratings import Values
from benchbox.records import (
    Pairs,
    PlannedModel,
    RunFolder,
    ScoreRecord,
    TrialJob,
    TrialRecord,
    predictions_digest,
)
from benchbox.runs.listener import Listener
from benchbox.runs.plan import Plan, PlannedTrial
from benchbox.seeding import permutation
from benchbox.trials import PREDICTIONS, Executor, Finished, FirstUse


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
        ground: _FoldGround | None = None
        first_use = FirstUse(Path(scratch), executor)
        for trial in trials:
            if ground is None or ground.fold is not trial.fold:
                if ground is not None:
                    ground.clear()
                ground = _FoldGround(trial, Path(scratch))
            listener.trial_started(trial)
            try:
                record, predictions = _run_trial(
                    trial, ground, folder, executor, listener, first_use
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
                folder.write_reference(record, ground.reference)
            folder.write_trial(record, predictions if keeps else None)
            listener.trial_ended(trial, record)
    return Executed(True, first_use.wall_seconds)


class _FoldGround:
    """What trials on one fold share: files for the children, truth for the runner."""

    def __init__(self, trial: PlannedTrial, scratch: Path) -> None:
        fold = trial.fold
        self.fold = fold
        self._trial = trial
        self._seed = trial.fold_seed("validation")
        self._root = Path(tempfile.mkdtemp(dir=scratch))
        history, train = fold.history, fold.train
        hidden = fold.hidden
        self.order = permutation(len(hidden), trial.fold_seed("order"))
        self.cold_users = np.bincount(history.users, minlength=history.n_users) == 0
        self.cold_items = np.bincount(train.items, minlength=train.n_items) == 0

    @cached_property
    def train(self) -> str:
        write_ratings(self._root / "train", self.fold.train)
        return str(self._root / "train")

    @cached_property
    def history(self) -> str:
        if self.fold.partition.is_warm:
            return self.train
        write_ratings(self._root / "history", self.fold.history)
        return str(self._root / "history")

    @cached_property
    def carved(self) -> dict[str, str]:
        """Folders of the ratings to fit, the validation ratings and their history."""
        visible = carve_validation(self.fold, self._seed)
        parts = {
            "train": visible.train,
            "validation": visible.validation,
            "validation_history": visible.validation_history,
        }
        if visible.validation_history is visible.train:
            # Warm protocols: one copy on disk serves both.
            del parts["validation_history"]
        folders = {name: str(self._root / "carved" / name) for name in parts}
        for name, ratings in parts.items():
            write_ratings(Path(folders[name]), ratings)
        return {"validation_history": folders["train"]} | folders

    @cached_property
    def reference(self) -> Values:
        """The bias model's prediction of every hidden rating."""
        fitted = fit_bias_model(self.fold.train)
        if not self.fold.partition.is_warm:
            own = fitted.user_bias_from(self.fold.history)
            fitted = replace(fitted, user_bias=own)
        return fitted.predict(self.fold.hidden.users, self.fold.hidden.items)

    @cached_property
    def reference_scores(self) -> dict[str, ScoreRecord]:
        """What the bias model scores on the hidden ratings."""
        return _scores(self.reference, self._trial)

    def new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._root))

    def clear(self) -> None:
        import shutil

        shutil.rmtree(self._root, ignore_errors=True)


def _run_trial(
    trial: PlannedTrial,
    ground: _FoldGround,
    folder: RunFolder,
    executor: Executor,
    listener: Listener,
    first_use: FirstUse,
) -> tuple[TrialRecord, Values | None]:
    reason = trial.skip_reason()
    if reason:
        return trial.record(status="skipped", reason=reason), None
    asked = _asked_pairs(trial.model, ground)
    out = ground.new_folder()
    try:
        job = _job(trial, ground, out)
    except ProtocolError as error:
        return trial.record(status="failed", reason=str(error)), None

    def hand_pairs() -> Pairs:
        hidden = ground.fold.hidden
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
    predicted = _complete(np.load(out / PREDICTIONS), asked, ground)
    record = _scored_record(
        trial,
        finished,
        predicted,
        n_answered=len(asked),
        reference=ground.reference_scores,
    )
    return record, predicted


def _asked_pairs(model: PlannedModel, ground: _FoldGround) -> NDArray[np.int64]:
    """Return which hidden ratings the model is asked for, in shuffled order."""
    hidden = ground.fold.hidden
    declined = np.zeros(len(hidden), dtype=bool)
    if not model.capabilities.handles_cold_users:
        declined |= ground.cold_users[hidden.users]
    if not model.capabilities.handles_cold_items:
        declined |= ground.cold_items[hidden.items]
    return ground.order[~declined[ground.order]]


def _complete(
    predictions: Values, asked: NDArray[np.int64], ground: _FoldGround
) -> Values:
    """Return a prediction per hidden rating: the model's, else the bias model's."""
    if len(asked) == len(ground.order):
        complete = np.empty(len(asked), dtype=np.float32)
    else:
        complete = ground.reference.copy()
    complete[asked] = predictions
    return complete


def _job(trial: PlannedTrial, ground: _FoldGround, out: Path) -> TrialJob:
    model, config = trial.model, trial.plan.config
    can = model.capabilities
    carved = ground.carved if can.uses_validation else {}
    return TrialJob(
        target=model.target,
        options_type=model.options_type,
        options=model.options,
        train=carved.get("train", ground.train),
        validation=carved.get("validation"),
        validation_history=carved.get("validation_history"),
        refit=ground.train if can.uses_validation and can.refits else None,
        history=ground.history,
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
        metrics = _scores(predicted, trial)
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


def _scores(predicted: Values, trial: PlannedTrial) -> dict[str, ScoreRecord]:
    hidden = trial.fold.hidden
    scored = Scored(
        predicted=hidden.scale.clip(predicted) if trial.plan.config.clip else predicted,
        actual=hidden.values,
        users=hidden.users,
        items=hidden.items,
        n_items=hidden.n_items,
    )
    is_flawed = bool(trial.fold.protocol.flaw)
    metrics = [m for m in trial.plan.metrics if is_flawed or not m.flaw]
    return {m.name: _score(m, scored) for m in metrics}


def _score(metric: Metric, scored: Scored) -> ScoreRecord:
    score = metric.function(scored)
    return ScoreRecord(score.value, score.n_scored, score.n_excluded)

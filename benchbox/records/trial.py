"""Record of a trial: one fit of one model on one fold, and its results."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Literal

import msgspec

from benchbox.machine import Durations, GaugeRecord, LatencyRecord
from benchbox.models import EpochReport
from benchbox.records.run import KEY_FORMAT, RESULT_FORMAT, PlannedModel
from benchbox.records.trial_job import Status

NOT_ENFORCED = "not enforced"
"""How it begins, what a trial says of its confinement, if nothing kept it in."""


MOST_SCORE = 1e100
"""Largest absolute value of a score: beyond it, variances exceed what a float holds."""

_AFTERWARDS = ("latency", "distribution", "score")
"""Phases after the predictions: what benchbox measures, not what the model needs."""

RAN_AT_ONCE = "trials of the run ran at once"
"""End of the line in `TrialRecord.contended` that says so."""


class ScoreRecord(msgspec.Struct, frozen=True):
    """Value of a metric in one trial.

    Attributes:
        value: Value of the metric; `None` if it is undefined.
        n_scored: Number of ratings it is computed from.
        n_excluded: Number of ratings that the metric cannot use.

    Raises:
        ValueError: The value is not finite, or beyond `MOST_SCORE`.
    """

    value: float | None
    n_scored: int
    n_excluded: int = 0

    def __post_init__(self) -> None:
        if self.value is not None and not abs(self.value) <= MOST_SCORE:
            raise ValueError(
                f"a score is {self.value:g}; it must be a number up to {MOST_SCORE:g}"
            )


class AskedAgain(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a sample of the predictions when it was asked for again.

    The same pairs are asked for in another order, in other chunks and among other pairs
    of users and items that a model may see.

    Attributes:
        verdict: ``same``; ``depends``, if predictions depend on which other pairs are
            asked for; ``varies``, if even the very same question gets other answers,
            which hides that; or ``untested``.
        n_pairs: Number of pairs in the sample.
        n_moved: Number of these whose prediction changed by more than rounding can.
        largest_change: Largest change of a prediction, in units of the rating scale.
        reason: Why it was not tested; else empty.
    """

    verdict: Literal["same", "depends", "varies", "untested"]
    n_pairs: int = 0
    n_moved: int = 0
    largest_change: float | None = None
    reason: str = ""


_BY_GRAVITY = ("depends", "varies", "same", "untested")


def gravest(found: Iterable[AskedAgain | None]) -> AskedAgain | None:
    """Return the finding that says most about a model; `None` if there is none."""
    known = [one for one in found if one is not None]
    return min(known, key=lambda one: _BY_GRAVITY.index(one.verdict), default=None)


class TrialRecord(msgspec.Struct, kw_only=True):
    """One trial: model × data set × protocol × fold × replicate, and how it ended.

    Attributes:
        format: Version of the records.
        key: Hash of everything that determines the predictions.
        stage: Index of its data set and protocol in the run's list of stages.
        model: Index of its model in the run's list of models.
        label: Name and options of the model.
        fold: Name of the fold.
        fold_id: Id of the fold.
        replicate: Number of the fit, from 0; each has its own seed.
        repeat: Number of the repetition with the same seed, from 0.
        seed: Seed the model was given.
        device: Device the model was given.
        tuned: Options that tuning chose for this fold, or that this trial tries.
        tuning_seconds: Wall-clock seconds of the search for these options.
        status: How the trial ended.
        reason: Why it did not end as ok; else empty.
        device_is_full: Whether it was an accelerator that ran out of memory.
        halvings: How often the option ``batch_size`` was halved, because the
            accelerator had too little memory for it. The key is that of a trial with
            this smaller value.
        metrics: Score by metric.
        reference: Score of the bias model on the same hidden ratings, by metric.
        n_hidden: Number of hidden ratings in the fold.
        n_answered: Number of hidden ratings that the model itself predicted.
        n_clipped: Number of predictions off the rating scale.
        predictions_digest: Hash of all predictions; equal if they are equal.
        distribution_digest: Hash of the predicted distributions; empty if the model
            predicts none.
        wall_seconds: Wall-clock seconds by phase; ``score`` is measured by the runner,
            and ``distribution`` is there if the model predicts distributions.
        cpu_seconds: Processor seconds by phase.
        ready_seconds: Wall-clock seconds from the data to the first predictions:
            import, construction and preparation of the model, fit, and the first call
            of `predict`; `None` in records of earlier versions.
        n_steps: Number of training steps the model timed.
        steps: Durations of the latest of these steps.
        latency: Durations of single calls of `predict`, if requested.
        contended: Other work on the machine during the trial, which makes its times
            unreliable; empty if none was found.
        foreign_cpus: Average number of processors used by other work; `None` if the
            trial was too short to measure.
        settings: Settings of the process, such as threads and precision, by name.
        environment: Id of the machine and software, as in the run's record.
        peak_memory_bytes: Peak resident memory of the process.
        idle_memory_bytes: Resident memory before the model was loaded.
        peak_accelerator_bytes: Peak memory of tensors on the accelerator.
        reserved_accelerator_bytes: Peak memory reserved by the allocator for them.
        parameter_bytes: Memory of the parameters of torch modules.
        gauges: Energy, clock rates and temperatures, as far as there are sensors.
        n_parameters: Number of learned parameters in the model.
        chosen_epoch: Number of epochs that validation chose for the refit.
        curve: Reports of the model after each epoch.
        refit_curve: Reports of the model after each epoch of the refit.
        notes: Choices that the model made at run time, by name.
        asked_again: Whether predictions depend on the other pairs asked for; `None` in
            records of earlier versions, of repeats and of trials that did not end well.
        confined: What kept its process from reading and writing more than its own
            files, such as ``landlock 7, seccomp, own mounts``; or ``not
            enforced``, and why. Empty in records of versions that confined nothing.
        finished: End of the trial, UTC, ISO 8601.
    """

    format: int = RESULT_FORMAT
    key: str
    stage: int
    model: int
    label: str
    fold: str
    fold_id: str
    replicate: int
    repeat: int = 0
    seed: int
    device: str
    tuned: dict[str, Any] = {}
    tuning_seconds: float | None = None
    status: Status
    reason: str = ""
    device_is_full: bool = False
    halvings: int = 0
    metrics: dict[str, ScoreRecord] = {}
    reference: dict[str, ScoreRecord] = {}
    n_hidden: int = 0
    n_answered: int = 0
    n_clipped: int = 0
    predictions_digest: str = ""
    distribution_digest: str = ""
    wall_seconds: dict[str, float] = {}
    cpu_seconds: dict[str, float] = {}
    ready_seconds: float | None = None
    n_steps: int = 0
    steps: Durations | None = None
    latency: list[LatencyRecord] = []
    contended: list[str] = []
    foreign_cpus: float | None = None
    settings: dict[str, str] = {}
    environment: str = ""
    peak_memory_bytes: int | None = None
    idle_memory_bytes: int | None = None
    peak_accelerator_bytes: int | None = None
    reserved_accelerator_bytes: int | None = None
    parameter_bytes: int | None = None
    gauges: GaugeRecord = GaugeRecord()
    n_parameters: int | None = None
    chosen_epoch: int | None = None
    curve: list[EpochReport] = []
    refit_curve: list[EpochReport] = []
    notes: dict[str, str] = {}
    asked_again: AskedAgain | None = None
    confined: str = ""
    finished: str = ""

    @property
    def ran_beside_others(self) -> bool:
        """Whether other trials of the run ran at the same time."""
        return any(why.endswith(RAN_AT_ONCE) for why in self.contended)

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of all phases."""
        return sum(self.wall_seconds.values())

    @property
    def seconds_to_predictions(self) -> float | None:
        """Wall-clock seconds from data to predictions; `None` if not measured.

        They include whatever a model does before or after its fit, but no
        distributions, which few models predict.
        """
        if "fit" not in self.wall_seconds:
            return None
        others = (self.wall_seconds.get(phase, 0.0) for phase in _AFTERWARDS)
        return self.seconds - sum(others)


def trial_key(
    model: PlannedModel,
    *,
    fold_id: str,
    features: str,
    seed: int,
    device: str,
    precision: str,
    threads: int,
    torch: str,
) -> str:
    """Return the hash of everything that determines a trial's predictions."""
    parts = {
        "format": KEY_FORMAT,
        "fold": fold_id,
        "features": features,
        "model": model.name,
        "options": model.options,
        "source": model.source_digest or model.target,
        "seed": seed,
        "device": device.partition(":")[0],
        "precision": precision,
        "threads": threads,
        "torch": torch,
    }
    if model.libraries:
        parts["libraries"] = model.libraries
    return blake2b(
        msgspec.json.encode(parts, order="sorted"), digest_size=12
    ).hexdigest()


class TrialStart(msgspec.Struct, frozen=True, kw_only=True):
    """A trial that is about to start.

    Attributes:
        key: Hash of everything that determines its predictions.
        stage: Index of its data set and protocol in the run's list of stages.
        model: Index of its model in the run's list of models.
        label: Name and options of the model.
        fold: Name of the fold.
        replicate: Number of the fit, from 0.
        seed: Seed the model is given.
        device: Device the model is given.
    """

    key: str
    stage: int
    model: int
    label: str
    fold: str
    replicate: int
    seed: int
    device: str

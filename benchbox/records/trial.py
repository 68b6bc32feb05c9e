"""Record of a trial: one fit of one model on one fold, and its results."""

from hashlib import blake2b
from typing import Any

import msgspec

from benchbox.machine import Durations, GaugeRecord, LatencyRecord
from benchbox.models import EpochReport
from benchbox.records.run import RESULT_FORMAT, PlannedModel
from benchbox.records.trial_job import Status

NOT_ENFORCED = "not enforced"
"""How it begins, what a trial says of its confinement, if nothing kept it in."""


_AFTERWARDS = ("latency", "score")
"""Phases after the predictions: what benchbox measures, not what the model needs."""


class ScoreRecord(msgspec.Struct, frozen=True):
    """Value of a metric in one trial.

    Attributes:
        value: Value of the metric; `None` if it is undefined.
        n_scored: Number of ratings it is computed from.
        n_excluded: Number of ratings that the metric cannot use.
    """

    value: float | None
    n_scored: int
    n_excluded: int = 0


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
        metrics: Score by metric.
        reference: Score of the bias model on the same hidden ratings, by metric.
        n_hidden: Number of hidden ratings in the fold.
        n_answered: Number of hidden ratings that the model itself predicted.
        n_clipped: Number of predictions off the rating scale.
        predictions_digest: Hash of all predictions; equal if they are equal.
        wall_seconds: Wall-clock seconds by phase; ``score`` is measured by the runner.
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
    metrics: dict[str, ScoreRecord] = {}
    reference: dict[str, ScoreRecord] = {}
    n_hidden: int = 0
    n_answered: int = 0
    n_clipped: int = 0
    predictions_digest: str = ""
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
    confined: str = ""
    finished: str = ""

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of all phases."""
        return sum(self.wall_seconds.values())

    @property
    def seconds_to_predictions(self) -> float | None:
        """Wall-clock seconds from data to predictions; `None` if not measured.

        They include whatever a model does before or after its fit.
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
        "format": RESULT_FORMAT,
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

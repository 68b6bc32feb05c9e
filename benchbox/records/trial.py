"""Trial record: one fit of one model on one fold, and how it ended."""

from hashlib import blake2b
from typing import Any

import msgspec

from benchbox.machine import Durations, GaugeRecord, LatencyRecord
from benchbox.models import EpochReport
from benchbox.records.run import RESULT_FORMAT, PlannedModel
from benchbox.records.trial_job import Status


class ScoreRecord(msgspec.Struct, frozen=True):
    """The value of a metric in one trial, and over how many ratings."""

    value: float | None
    n_scored: int
    n_excluded: int = 0


class TrialRecord(msgspec.Struct, kw_only=True):
    """One trial: model × data set × protocol × fold × replicate, and how it ended.

    Attributes:
        key: Hash of everything that decides the numbers.
        stage: Place of its data set and protocol in the run's record.
        model: Place of its model in the run's record.
        label: The model's label.
        fold: Name of the fold.
        fold_id: Its hash.
        replicate: Number of the fit, from 0; each has a seed of its own.
        repeat: Number of the repetition with that seed, from 0.
        seed: Seed the model was given.
        device: Device it was given.
        tuned: Options that tuning chose for this fold, or tries in this trial.
        tuning_seconds: Wall-clock seconds that choosing them took.
        status: How it ended.
        reason: Why, unless it is ok.
        metrics: Scores by metric.
        reference: Scores of the bias model on the same hidden ratings.
        n_hidden: Hidden ratings of the fold.
        n_answered: Those the model itself predicted.
        n_clipped: Predictions that lay off the scale.
        predictions_digest: Hash of all predictions; equal for equal predictions.
        wall_seconds: Wall-clock seconds by phase; ``score`` is the runner's.
        cpu_seconds: Processor seconds by phase.
        n_steps: Training steps the model timed.
        steps: How long the newest of them took.
        latency: How long single calls of `predict` take, where that was asked for.
        contended: What else used the machine meanwhile, so that the seconds are not
            the model's alone; empty if nothing was seen.
        foreign_cpus: Processors other work kept busy on average; `None` if the trial
            was too short to tell.
        settings: Threads, arithmetic and the like in force, by name.
        environment: Id of the machine and software, as in the run's record.
        peak_memory_bytes: Largest resident set of the process.
        idle_memory_bytes: Its resident set before the model was loaded.
        peak_accelerator_bytes: Most memory tensors took on the accelerator.
        reserved_accelerator_bytes: Most memory the allocator held there for them.
        parameter_bytes: Memory of the torch modules' parameters.
        gauges: Energy, clocks and heat, as far as there are sensors.
        n_parameters: Learned numbers in the model.
        chosen_epoch: Epochs of the refit.
        curve: What the model reported after each epoch.
        refit_curve: The same of the refit.
        notes: Choices the model made by itself.
        finished: When it ended, UTC.
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
    finished: str = ""

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of all phases."""
        return sum(self.wall_seconds.values())


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
    """Return the hash of everything that decides a trial's predictions."""
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
    """A trial that begins.

    Attributes:
        key: Hash of everything that decides its numbers.
        stage: Place of its data set and protocol in the run's record.
        model: Place of its model in the run's record.
        label: The model's label.
        fold: Name of the fold.
        replicate: Number of the fit, from 0.
        seed: Seed the model is given.
        device: Device it is given.
    """

    key: str
    stage: int
    model: int
    label: str
    fold: str
    replicate: int
    seed: int
    device: str

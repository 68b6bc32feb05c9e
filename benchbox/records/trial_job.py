"""Job of a child process, and its outcome."""

from typing import Any, Literal

import msgspec

from benchbox.machine import Durations, LatencyRecord
from benchbox.models import EpochReport, Precision
from benchbox.records.access import Access
from benchbox.records.config import SILENCE_SECONDS

Status = Literal[
    "ok",
    "failed",
    "timeout",
    "out-of-memory",
    "crashed",
    "skipped",
    "interrupted",
]
"""How a trial can end."""


class TrialJob(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a child process needs to run one trial, as plain values.

    The process itself gets it without the folders of ratings, if these can be held back
    until its model is built and prepared; see `Visible`.

    Attributes:
        target: Model class, as `ModelSpec.target`.
        options_type: Options record as ``"module:Class"``; empty for no options.
        options: Its values in force.
        train: Folder of the ratings to fit.
        validation: Folder of the validation ratings, for a model that asks.
        validation_history: Folder of what is visible while predicting them.
        refit: Folder of train and validation together, for a model that refits.
        history: Folder of what `predict` may see.
        device: Where to train.
        precision: Arithmetic of matrix products.
        seed: Seed of the trial.
        n_threads: Threads to use.
        time_limit_seconds: When the parent ends the trial, if ever.
        silence_limit_seconds: How long the trial may say, print and compute nothing
            before the parent ends it; `None` for ever.
        out: Folder for the predictions, and the only one the trial may write to.
        asked: Folder that the pairs to predict will be in; empty if that is *out*.
        access: What it may read and reach beside these folders.
        keep: Folder for the fitted model's state; nothing is predicted then.
        distribution: Whether the distributions of the pairs are predicted, too.
        latency: Whether single calls of `predict` are timed as well.
        chunk_size: Pairs per call of `predict`.
    """

    target: str
    options_type: str
    options: dict[str, Any]
    train: str
    history: str
    out: str
    validation: str | None = None
    validation_history: str | None = None
    refit: str | None = None
    device: str = "cpu"
    precision: Precision = "float32"
    seed: int = 0
    n_threads: int = 1
    time_limit_seconds: float | None = None
    silence_limit_seconds: float | None = SILENCE_SECONDS
    keep: str | None = None
    distribution: bool = False
    latency: bool = False
    asked: str = ""
    access: Access = Access()
    chunk_size: int = 1 << 18


class TrialOutcome(msgspec.Struct, kw_only=True):
    """What a child process says about its trial.

    Attributes:
        status: How it ended.
        reason: Why, in one line, unless it is ok.
        device_is_full: Whether it was an accelerator that ran out of memory.
        wall_seconds: Wall-clock seconds by phase: load, fit, predict; and start, for
            what the first use of an accelerator takes, before the model is loaded.
        cpu_seconds: Processor seconds by phase.
        ready_seconds: Wall-clock seconds from the data to the first predictions: load,
            fit and the first call of `predict`.
        curve: What the model reported after each epoch.
        refit_curve: What the model reported after each epoch of the refit.
        notes: Choices that the model made at run time, by name.
        n_steps: Number of training steps the model timed.
        steps: Durations of the latest of these steps.
        latency: Durations of single calls of `predict`, if requested.
        chosen_epoch: Epoch with the lowest validation error, in a refit.
        n_parameters: Learned numbers in the model, where it tells.
        settings: Settings of the process, such as threads and precision, by name.
        idle_memory_bytes: Resident memory before the model was loaded.
        peak_memory_bytes: Largest resident set so far, where more is measured after
            the predictions; else the parent knows it.
        peak_accelerator_bytes: Most memory tensors took on the accelerator.
        reserved_accelerator_bytes: Most memory the allocator held there for them.
        parameter_bytes: Memory of the torch modules' parameters.
        missing: Why a figure of the accelerator is missing, by its name.
    """

    status: Status = "ok"
    reason: str = ""
    device_is_full: bool = False
    wall_seconds: dict[str, float] = {}
    cpu_seconds: dict[str, float] = {}
    ready_seconds: float | None = None
    curve: list[EpochReport] = []
    refit_curve: list[EpochReport] = []
    notes: dict[str, str] = {}
    n_steps: int = 0
    steps: Durations | None = None
    latency: list[LatencyRecord] = []
    chosen_epoch: int | None = None
    n_parameters: int | None = None
    settings: dict[str, str] = {}
    idle_memory_bytes: int | None = None
    peak_memory_bytes: int | None = None
    peak_accelerator_bytes: int | None = None
    reserved_accelerator_bytes: int | None = None
    parameter_bytes: int | None = None
    missing: dict[str, str] = {}

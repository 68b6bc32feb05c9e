"""Records of tuning: what was tried for each model on each fold, and chosen."""

from typing import Any

import msgspec

from benchbox.records.config import TuningBudget

STUDY = "study.json"
"""File of a run with all its searches."""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that was tried, and its result.

    Attributes:
        options: Values of the searched options.
        value: Value of the metric on validation ratings; `None` if the trial failed.
        seconds: Wall-clock seconds of the trial.
        status: How the trial ended.
        reason: Why it did not end as ok; else empty.
    """

    options: dict[str, Any]
    value: float | None
    seconds: float
    status: str
    reason: str = ""


class StudyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The search for one model's options on one fold.

    All values are on validation ratings, which are part of the training ratings, never
    on hidden ratings.

    Attributes:
        model: Label of the model before tuning.
        stage: Index of its data set and protocol in the run's list of stages.
        fold: Name of the fold.
        validation_id: Id of the validation fold, within the training ratings.
        n_validation: Number of validation ratings.
        metric: Name of the metric that was optimised.
        budget: Budget of the search.
        tried: Settings in the order they were tried; the first is the model's own.
        chosen: Best values of the searched options.
        before: Value of the metric with the model's own options; `None` if the trial
            failed.
        after: Value of the metric with the chosen options; `None` if all trials failed.
        seconds: Wall-clock seconds of the whole search.
        space: Values that could be tried, by option, as in the model's spec; empty in
            records of earlier versions.
    """

    model: str
    stage: int
    fold: str
    validation_id: str
    n_validation: int
    metric: str
    budget: TuningBudget
    tried: list[Tried]
    chosen: dict[str, Any]
    before: float | None
    after: float | None
    seconds: float
    space: dict[str, Any] = {}


class StudiesRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All searches of a run.

    Attributes:
        format: Version of this record.
        run: Name of the run.
        stages: Label of each stage: data set and protocol.
        seed: Root seed of the run.
        environment: Id of the machine and software, as in the run's record.
        studies: One search per model and fold.
    """

    format: int = 1
    run: str
    stages: list[str]
    seed: int
    environment: str
    studies: list[StudyRecord]

"""Study record: what tuning tried for a model on a fold, and what it chose."""

from typing import Any

import msgspec

from benchbox.records.config import TuningBudget


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """Options that were tried, and what came of it.

    Attributes:
        options: Values of the searched options.
        value: The metric over validation ratings; `None` if the trial failed.
        seconds: Wall-clock seconds it took.
        status: How it ended.
        reason: Why, unless it is ok.
    """

    options: dict[str, Any]
    value: float | None
    seconds: float
    status: str
    reason: str = ""


class StudyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was tried for one model on one fold, and what was chosen.

    It tells of validation ratings, which are training ratings: never of hidden ones.

    Attributes:
        model: The model as it would be chosen, before tuning.
        stage: Place of its data set and protocol in the run's record.
        fold: Name of the fold.
        validation_id: Id of the fold within the fold's training ratings.
        n_validation: Validation ratings each trial was scored on.
        metric: Name of the metric it was chosen by.
        budget: How much could be tried.
        tried: What was, first the options in force.
        chosen: Values of the searched options that did best.
        before: The metric of the options in force; `None` if they failed.
        after: The metric of the chosen ones.
        seconds: Wall-clock seconds in all.
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


class StudiesRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All that was tried in a run.

    Attributes:
        format: Version of this record.
        run: Name of the run.
        stages: Data sets and protocols in words, by number of the stage.
        seed: Root of all seeds.
        environment: Id of the machine and software, as in the run's record.
        studies: Model by model, fold by fold.
    """

    format: int = 1
    run: str
    stages: list[str]
    seed: int
    environment: str
    studies: list[StudyRecord]

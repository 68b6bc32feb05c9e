"""Records: what a run, a trial and a fold leave behind, as their files have it."""

from hashlib import blake2b
from inspect import cleandoc
from typing import Any, Literal

import msgspec

from benchbox.audit import Finding
from benchbox.environment import Environment
from benchbox.gauges import GaugeRecord
from benchbox.models import Capabilities, EpochReport, Precision
from benchbox.options import spell
from benchbox.ratings import RatingScale
from benchbox.suites import Case
from benchbox.timing.latency import LatencyRecord
from benchbox.timing.samples import Durations
from benchbox.trial import Status

RESULT_FORMAT = 1
"""Changes whenever a reader of these records would have to."""


class PlannedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model as a run uses it.

    Attributes:
        name: Name of the spec, or of the class in a file.
        target: Where the class is.
        options_type: Its options record as ``"module:Class"``; empty for keywords.
        options: All options in force.
        changed: The options that differ from the defaults.
        capabilities: What it can do.
        package: Distribution or file it comes from.
        version: Version of that distribution.
        source_digest: Hash of its source.
        tuned: Whether tuning chooses options besides, fold by fold; which, a trial's
            record tells.
    """

    name: str
    target: str
    options_type: str
    options: dict[str, Any]
    changed: dict[str, Any]
    capabilities: Capabilities
    package: str
    version: str
    source_digest: str
    tuned: bool = False

    @property
    def label(self) -> str:
        """Name and changed options, as one would choose them."""
        label = spell(self.name, self.changed)
        return f"{label} tuned" if self.tuned else label


class FoldRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A fold, without its ratings.

    Attributes:
        name: Name within the protocol.
        id: Hash of data, recipe and roles.
        n_train: Ratings `fit` may see.
        n_hidden: Ratings to predict.
        n_cold_users: Hidden ratings of users with nothing visible.
        n_cold_items: Hidden ratings of items with no training rating.
        findings: What the audit found before the fold ran, the worst first.
    """

    name: str
    id: str
    n_train: int
    n_hidden: int
    n_cold_users: int
    n_cold_items: int
    findings: list[Finding] = []


class PublishedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A published figure that a case shows beside ours.

    Attributes:
        claim: Name of the claim.
        model: Place of our model in the run's record.
        metric: What was measured.
        value: The figure.
    """

    claim: str
    model: int
    metric: str
    value: float


class CaseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The case that a stage of a run belongs to.

    Attributes:
        title: What it looks into.
        dataset: The data set taken, as on the command line.
        protocol: The protocol, likewise.
        models: Places of its models in the run's record.
        wanted: The data set that the stage's stands in for; mostly empty.
        published: Published figures to show beside ours.
    """

    title: str
    dataset: str
    protocol: str
    models: list[int]
    wanted: str = ""
    published: list[PublishedRecord] = []


def takers(case: CaseRecord | None, n_models: int) -> list[int]:
    """Return the places of the models that take part: those of the case, or all."""
    return list(range(n_models)) if case is None else case.models


class StageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One data set under one protocol: the definition all its numbers share.

    Attributes:
        dataset: Name of the data set.
        dataset_options: Its options that differ from the defaults.
        origin: Where its bytes came from.
        data_id: Hash of its ratings.
        n_users: Size of the user index.
        n_items: Size of the item index.
        n_ratings: All ratings.
        scale: Range of the ratings.
        noise_floor: RMSE no model can beat in expectation, where it is known.
        protocol: Name of the protocol.
        protocol_options: Its options in force.
        cold_policy: What happens to cold pairs.
        flaw: Why figures under the protocol say little of prediction; mostly empty.
        standard: Whether every fold id is the one the data set's card states.
        folds: The folds chosen.
        case: The case it belongs to, if the run is made of cases.
    """

    dataset: str
    dataset_options: dict[str, Any]
    origin: str
    data_id: str
    n_users: int
    n_items: int
    n_ratings: int
    scale: RatingScale
    noise_floor: float | None
    protocol: str
    protocol_options: dict[str, Any]
    cold_policy: str
    flaw: str = ""
    standard: bool
    folds: list[FoldRecord]
    case: CaseRecord | None = None

    def takers(self, run: "RunRecord") -> list[int]:
        """Return the places of the models in the record of *run* that take part."""
        return takers(self.case, len(run.models))

    @property
    def label(self) -> str:
        """Data set and protocol in words."""
        protocol = spell(self.protocol, self.protocol_options)
        return f"{spell(self.dataset, self.dataset_options)} · {protocol}"


class MetricRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The definition of a metric, as it was when the run was made."""

    name: str
    title: str
    unit: str
    higher_is_better: bool
    pooling: str
    definition: str
    flaw: str = ""


class TuningBudget(msgspec.Struct, frozen=True, kw_only=True):
    """What each model may spend on its options, on each fold.

    Attributes:
        trials: Options tried at most, the ones in force included.
        seconds: Wall-clock seconds of these trials; the last is ended when they are up.
        metric: Name of the metric to choose by.
    """

    trials: int = 20
    seconds: float | None = None
    metric: str = "rmse"


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the user asked for; the fields of a suite file.

    Attributes:
        models: Choices such as ``autorec-user:hidden_units=300``; none means all.
        datasets: Data sets by name, or files of ratings.
        protocols: Choices such as ``kfold:n_folds=10``; none means each data set's own.
        cases: Instead of these three: models, data set and protocol of each part.
        folds: Folds by name; none means the data set's default folds.
        columns: Names of the columns of own files.
        seed: Root of all model seeds.
        seeds: How often a stochastic model is fitted on each fold.
        repeats: How often each of these fits is done, for its timing alone: the
            predictions must be the same each time.
        latency: Whether single calls of `predict` are timed as well.
        device: ``auto``, ``cpu`` or an accelerator such as ``cuda:0``.
        precision: Arithmetic of matrix products in torch.
        threads: Threads per trial; 0 means every processor.
        time_limit_seconds: Limit of one trial.
        memory_limit_gib: Limit of one trial.
        clip: Whether predictions are moved onto the rating scale before scoring.
        keep_predictions: Whether predictions are stored.
        tuning: How to choose options on validation ratings, if at all.
    """

    models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ("ml-100k",)
    protocols: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    folds: tuple[str, ...] = ()
    columns: str = ""
    seed: int = 0
    seeds: int = 2
    repeats: int = 1
    latency: bool = False
    device: str = "auto"
    precision: Precision = "float32"
    threads: int = 0
    time_limit_seconds: float | None = None
    memory_limit_gib: float | None = None
    clip: bool = True
    keep_predictions: bool = True
    tuning: TuningBudget | None = None

    def n_fits(self, model: Capabilities) -> int:
        """Return with how many seeds a model is fitted on each fold."""
        return self.seeds if model.stochastic else 1

    def n_trials(self, model: Capabilities) -> int:
        """Return how many trials a model has on each fold."""
        return self.n_fits(model) * self.repeats


class RunRecord(msgspec.Struct, kw_only=True):
    """A run: what was asked for, what it became, and on what machine.

    Attributes:
        format: Version of these records.
        id: Name of the run's folder.
        status: How the run stands; ``started`` also after a crash.
        created: When it began, UTC, ISO 8601.
        finished: When it ended.
        config: What the user asked for.
        command: The command line.
        n_trials: Trials planned.
        n_threads: Threads per trial.
        models: Models in force.
        stages: Data sets and protocols in force.
        metrics: Definitions of the metrics.
        first_use_seconds: What each model took on a few ratings, before its trials:
            compilation and the like, which are in no trial's figures.
        environment: Machine and software.
        earlier_environments: Those of trials from before the run was resumed, where
            they differ; a trial names its own by id.
    """

    format: int = RESULT_FORMAT
    id: str
    status: Literal["started", "finished", "interrupted"] = "started"
    created: str
    finished: str = ""
    config: RunConfig
    command: str
    n_trials: int
    n_threads: int
    models: list[PlannedModel]
    stages: list[StageRecord]
    metrics: list[MetricRecord]
    first_use_seconds: dict[str, float] = {}
    environment: Environment
    earlier_environments: list[Environment] = []


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


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of the records, as kept in ``results/schema.json``."""
    (run, trial), definitions = msgspec.json.schema_components([RunRecord, TrialRecord])
    for schema in definitions.values():
        # Python 3.13 takes the indentation out of docstrings, earlier ones do not.
        schema["description"] = cleandoc(schema["description"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Records of benchbox, by file",
        "properties": {"run.json": run, "trials/*.json": trial},
        "$defs": {
            name.rpartition("/")[2]: schema for name, schema in definitions.items()
        },
    }

"""Records of a run, its models and its folds, as stored in ``run.json``."""

from hashlib import blake2b
from typing import Any, Literal

import msgspec

from benchbox.errors import one_line
from benchbox.machine import Environment
from benchbox.models import Capabilities
from benchbox.options import spell
from benchbox.protocols import Finding
from benchbox.ratings import RatingScale
from benchbox.records.config import RunConfig

MOST_LABEL_CHARACTERS = 300
"""Of a model: options may be lists of any length."""

RESULT_FORMAT = 2
"""Version of the records; it changes when programs that read them must change."""

KEY_FORMAT = 1
"""Version of the rule by which trials get their keys."""


class PlannedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model in a run, with its options.

    Attributes:
        name: Name of the model, or of its class in a file.
        target: Its class, as ``"package.module:Class"`` or ``"file.py:Class"``.
        options_type: Its options record as ``"package.module:Class"``; empty if it
            takes keyword arguments.
        options: All options, with defaults filled in.
        changed: Options that differ from the defaults.
        capabilities: Capabilities from its spec.
        package: Distribution or file it comes from.
        version: Version of that distribution; empty for a file.
        source_digest: Hash of its source code.
        tuned: Whether tuning chooses further options, for each fold. They are in the
            records of the trials.
        libraries: Version of each distribution that its spec requires beside its own
            package; empty if that is missing.
        unavailable: Why it cannot run on this machine; empty if it can.
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
    libraries: dict[str, str] = {}
    unavailable: str = ""

    @property
    def id(self) -> str:
        """Hash of name, options and source; the same in all runs with this model."""
        parts: list[Any] = [
            self.name,
            self.options,
            self.source_digest or self.target,
            self.tuned,
        ]
        if self.libraries:
            parts.append(self.libraries)
        encoded = msgspec.json.encode(parts, order="sorted")
        return blake2b(encoded, digest_size=12).hexdigest()

    @property
    def label(self) -> str:
        """Name and changed options, as on the command line, in a printable line."""
        label = one_line(spell(self.name, self.changed))
        if len(label) > MOST_LABEL_CHARACTERS:
            # The id tells it from others that begin alike.
            label = f"{label[:MOST_LABEL_CHARACTERS]}… {self.id[:8]}"
        return f"{label} tuned" if self.tuned else label


class FoldRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Description of a fold, without its ratings.

    Attributes:
        name: Name of the fold within its protocol.
        id: Hash of the data, the protocol and the part each rating is in.
        n_train: Number of training ratings.
        n_hidden: Number of hidden ratings, which are to be predicted.
        n_cold_users: Number of hidden ratings of users without visible ratings.
        n_cold_items: Number of hidden ratings of items without training ratings.
        findings: Findings of the audit before the run, the worst first.
    """

    name: str
    id: str
    n_train: int
    n_hidden: int
    n_cold_users: int
    n_cold_items: int
    findings: list[Finding] = []


class PublishedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A published figure that is shown beside ours.

    Attributes:
        claim: Name of the claim.
        model: Index of our model in the run's list of models.
        metric: Name of the metric.
        value: The published value.
    """

    claim: str
    model: int
    metric: str
    value: float


class CaseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The case that a stage of a run belongs to.

    Attributes:
        title: What the case is about.
        dataset: Data set that was used, as on the command line.
        protocol: Protocol, as on the command line.
        models: Indices of its models in the run's list of models.
        wanted: Data set that `dataset` replaces, because its files were missing; empty
            if none was replaced.
        published: Published figures to show beside ours.
    """

    title: str
    dataset: str
    protocol: str
    models: list[int]
    wanted: str = ""
    published: list[PublishedRecord] = []


def participants(case: CaseRecord | None, n_models: int) -> list[int]:
    """Return the indices of the models that take part: those of the case, or all."""
    return list(range(n_models)) if case is None else case.models


class StageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One data set under one protocol. All figures of a stage are comparable.

    Attributes:
        dataset: Name of the data set.
        dataset_options: Options of the data set that differ from the defaults.
        origin: Where the files of the data set came from.
        data_id: Hash of its ratings.
        n_users: Number of users.
        n_items: Number of items.
        n_ratings: Number of ratings.
        scale: Rating scale.
        noise_floor: Expected RMSE of a perfect model; `None` if unknown.
        protocol: Name of the protocol.
        protocol_options: All options of the protocol, with defaults filled in.
        cold_policy: How users and items without training ratings are treated.
        flaw: Why figures under this protocol do not measure prediction; empty if sound.
        standard: Whether all fold ids equal those in the data set's card.
        folds: Folds of the run.
        fold_format: Version of the rule by which folds and seeds were drawn.
        case: Case that the stage belongs to; `None` if the run has no cases.
        notes: Sentences about what reading the data found; empty in records of
            benchbox 0.1.
        planned: Number of trials of each model that takes part, by its index in the
            run's list of models, where runs were merged; empty for what the settings of
            the run say.
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
    fold_format: int = 1
    case: CaseRecord | None = None
    notes: list[str] = []
    planned: dict[int, int] = {}

    def participants(self, run: "RunRecord") -> list[int]:
        """Return the indices of the models of *run* that take part."""
        return list(self.planned) or participants(self.case, len(run.models))

    def n_planned(self, run: "RunRecord", model: int) -> int:
        """Return the number of planned trials of a model of *run* on all folds."""
        by_settings = run.config.n_trials(run.models[model].capabilities)
        return self.planned.get(model, by_settings * len(self.folds))

    @property
    def label(self) -> str:
        """Data set and protocol in words."""
        protocol = spell(self.protocol, self.protocol_options)
        return f"{spell(self.dataset, self.dataset_options)} · {protocol}"


class MetricRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Definition of a metric at the time of the run.

    Attributes:
        name: Name of the metric, kebab-case.
        title: Heading in tables.
        unit: ``rating`` (the unit of the ratings), ``fraction`` or another unit.
        higher_is_better: Whether higher values are better.
        pooling: What one term of the mean is: a rating, a user or an item.
        definition: The definition in words.
        flaw: Why the metric is misleading; empty if it is sound.
        target: The best value, if neither higher nor lower ones are better.
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool
    pooling: str
    definition: str
    flaw: str = ""
    target: float | None = None


class MergedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was merged with others.

    Attributes:
        id: Name of its folder.
        created: Start of the run, UTC, ISO 8601.
        command: Command line or Python call.
        config: Its settings.
        n_threads: Threads per trial.
    """

    id: str
    created: str
    command: str
    config: RunConfig
    n_threads: int


class RunRecord(msgspec.Struct, kw_only=True):
    """A run: its settings, models, data sets and machine.

    Attributes:
        format: Version of the records; of a stored run, that of its file.
        id: Name of the run's folder.
        status: State of the run; also ``started`` if the run crashed.
        created: Start of the run, UTC, ISO 8601.
        finished: End of the run, UTC, ISO 8601; empty while it runs.
        config: Settings that the user gave.
        command: Command line or Python call.
        n_trials: Number of planned trials.
        n_threads: Threads per trial.
        models: Models of the run.
        stages: Pairs of data set and protocol.
        metrics: Definitions of the metrics.
        first_use_seconds: Seconds per model of a first fit on a few ratings, before
            its trials. It absorbs compilation, which is in no trial's times.
        environment: Machine and software.
        earlier_environments: Different machines or software: those of trials from
            before the run was resumed, of other runs that were merged with it, and of
            the machines of a cluster. A trial refers to its environment by id.
        merged: The runs whose trials these are; empty if it is a run of its own.
        remarks: Sentences about the trials of merged runs.
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
    merged: list[MergedRun] = []
    remarks: list[str] = []

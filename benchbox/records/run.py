"""Records: what a run, a trial and a fold leave behind, as their files have it."""

from hashlib import blake2b
from typing import Any, Literal

import msgspec

from benchbox.machine import Environment
from benchbox.models import Capabilities
from benchbox.options import spell
from benchbox.protocols import Finding
from benchbox.ratings import RatingScale
from benchbox.records.config import RunConfig
from benchbox.text import one_line

MOST_LABEL_CHARACTERS = 300
"""Of a model: options may be lists of any length."""

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
    def id(self) -> str:
        """Hash of what it computes: the same in every run, wherever it is listed."""
        parts = [
            self.name,
            self.options,
            self.source_digest or self.target,
            self.tuned,
        ]
        encoded = msgspec.json.encode(parts, order="sorted")
        return blake2b(encoded, digest_size=12).hexdigest()

    @property
    def label(self) -> str:
        """Name and changed options, as one would choose them, in a printable line."""
        label = one_line(spell(self.name, self.changed))
        if len(label) > MOST_LABEL_CHARACTERS:
            # The id tells it from others that begin alike.
            label = f"{label[:MOST_LABEL_CHARACTERS]}… {self.id[:8]}"
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

"""The plan of a run: its models, data sets and trials."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from benchbox.data import FOLD_FORMAT, Dataset, features_id
from benchbox.machine import (
    Environment,
    FoundDevices,
    describe_environment,
    device_for,
    package_version,
)
from benchbox.metrics import Metric
from benchbox.models import Capabilities, SearchSpace
from benchbox.options import in_force
from benchbox.protocols import Audit, Fold, audit_fold
from benchbox.ratings import Ratings
from benchbox.records import (
    Access,
    CaseRecord,
    FoldRecord,
    PlannedModel,
    RunConfig,
    StageRecord,
    TrialRecord,
    now,
    participants,
    trial_key,
)
from benchbox.seeding import derive_seed, permutation


@dataclass(frozen=True, eq=False, kw_only=True)
class Stage:
    """One data set under one protocol, with its folds.

    Attributes:
        dataset: The data set.
        folds: Chosen folds, all of one protocol with the same options.
        standard: Whether all fold ids equal those in the data set's card.
        case: Case that says which models take part; `None` if all do.
    """

    dataset: Dataset
    folds: list[Fold]
    standard: bool
    case: CaseRecord | None = None

    @cached_property
    def audits(self) -> list[Audit]:
        """The audit of each fold."""
        return [audit_fold(fold) for fold in self.folds]

    def record(self) -> StageRecord:
        """Return the record of this stage."""
        first, ratings = self.folds[0], self.dataset.ratings
        return StageRecord(
            dataset=self.dataset.name,
            dataset_options=dict(self.dataset.options_changed),
            origin=self.dataset.origin,
            data_id=first.data_id,
            n_users=ratings.n_users,
            n_items=ratings.n_items,
            n_ratings=len(ratings),
            scale=ratings.scale,
            noise_floor=self.dataset.noise_floor,
            protocol=first.protocol.name,
            protocol_options=in_force(first.options),
            cold_policy=first.protocol.cold_policy,
            flaw=first.protocol.flaw,
            standard=self.standard,
            folds=[
                _fold_record(fold, audit)
                for fold, audit in zip(self.folds, self.audits, strict=True)
            ],
            fold_format=FOLD_FORMAT,
            case=self.case,
            notes=list(self.dataset.notes),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Options that tuning has chosen for a model on a fold.

    Attributes:
        options: Values of the searched options.
        seconds: Wall-clock seconds of the search; `None` during the search.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """Everything a run will do, with every name resolved.

    Attributes:
        config: Settings that the user gave.
        models: Models of the run.
        stages: Data sets, each under a protocol.
        metrics: Metrics to compute.
        n_threads: Threads per trial.
        accelerators: Accelerators of this machine; empty for a run on the CPU.
        searches: Search spaces for tuning, by model id.
        chosen: Options that tuning chose, by fold id and model id.
        access: What trials may read and reach beside their own files.
        refused: Reasons why data sets or cases that were asked for are not in the plan.
        elsewhere: Machine and software of the trials, if that is not this machine.
    """

    config: RunConfig
    models: list[PlannedModel]
    stages: list[Stage]
    metrics: list[Metric]
    n_threads: int
    accelerators: FoundDevices
    searches: Mapping[str, SearchSpace] = field(default_factory=dict)
    chosen: Mapping[tuple[str, str], Chosen] = field(default_factory=dict)
    access: Access = field(default_factory=Access)
    refused: tuple[str, ...] = ()
    elsewhere: Environment | None = None

    @cached_property
    def environment(self) -> Environment:
        """Machine and software of the run."""
        names = self.accelerators.names
        if self.elsewhere is not None:
            return msgspec.structs.replace(self.elsewhere, accelerators=names)
        return describe_environment(names)

    @cached_property
    def trials(self) -> list["PlannedTrial"]:
        """All trials, fold by fold, so that an interrupted run has complete folds.

        On each fold there is a round for each repeat and seed. Each round has its own
        random order of the models, so that a slow-down of the machine affects all
        models equally.
        """
        return [
            trial
            for number, stage in enumerate(self.stages)
            for fold in stage.folds
            for repeat in range(self.config.repeats)
            for replicate in range(self.config.seeds)
            for trial in self._round(number, fold, replicate, repeat)
        ]

    def participants(self, stage_number: int) -> list[int]:
        """Return the indices of the models that take part in a stage."""
        return participants(self.stages[stage_number].case, len(self.models))

    def _round(
        self, stage_number: int, fold: Fold, replicate: int, repeat: int
    ) -> list["PlannedTrial"]:
        place = (stage_number, fold.name, replicate, repeat)
        places = self.participants(stage_number)
        order = permutation(len(places), self.config.seed, "trial order", *place)
        return [
            PlannedTrial(
                plan=self,
                stage_number=stage_number,
                model_number=number,
                fold=fold,
                replicate=replicate,
                repeat=repeat,
            )
            for number in (places[index] for index in order)
            if replicate < self.config.n_fits(self.models[number].capabilities)
        ]


@dataclass(frozen=True, eq=False, kw_only=True)
class PlannedTrial:
    """One fit of one model on one fold with one seed.

    Attributes:
        plan: Plan that the trial belongs to.
        stage_number: Index of the stage in the plan.
        model_number: Index of the model in the plan.
        fold: The fold.
        replicate: Number of the fit, from 0; each has its own seed.
        repeat: Number of the repetition with the same seed, from 0.
        halvings: How often the option ``batch_size`` is halved; see `halving`.
        accelerator: Number of the accelerator, where several trials run at once.
    """

    plan: Plan
    stage_number: int
    model_number: int
    fold: Fold
    replicate: int
    repeat: int = 0
    halvings: int = 0
    accelerator: int = 0

    @property
    def place(self) -> tuple[int, int, str, int, int]:
        """Which trial of the plan it is, however it is carried out."""
        fold = self.fold.name
        return self.stage_number, self.model_number, fold, self.replicate, self.repeat

    @property
    def chosen(self) -> Chosen:
        """Options that tuning chose for this trial."""
        return self.plan.chosen.get((self.fold.id, self.untuned.id), Chosen())

    @property
    def untuned(self) -> PlannedModel:
        """The model of this trial, before tuning."""
        return self.plan.models[self.model_number]

    @cached_property
    def model(self) -> PlannedModel:
        """The model of this trial, with the options that tuning chose."""
        options = self.untuned.options | dict(self.chosen.options)
        if self.halvings:
            options["batch_size"] >>= self.halvings
        return msgspec.structs.replace(self.untuned, options=options)

    @cached_property
    def seed(self) -> int:
        """Seed of the model, independent of those of other trials."""
        return self.fold_seed(self.model.name, self.replicate)

    def fold_seed(self, *path: str | int) -> int:
        """Return a seed derived from this trial's training ratings and *path*.

        Nothing that a model sees may depend on hidden ratings. So neither the data id
        nor the fold id enters, not even which pairs are hidden. Names of files, data
        sets and folds do not enter either: the same ratings give the same figures,
        wherever they come from.
        """
        shown = (self.fold.train_id, self.fold.protocol.name)
        return derive_seed(self.plan.config.seed, *shown, *path)

    @property
    def memory_limit_bytes(self) -> int | None:
        """Memory the trial may take, if the run has a limit."""
        limit = self.plan.config.memory_limit_gib
        return None if limit is None else int(limit * 2**30)

    @cached_property
    def device(self) -> str:
        """Device for the model: the requested one if the model supports it."""
        here = self.plan.accelerators
        kinds = self.model.capabilities.devices
        device = device_for(self.plan.config.device, kinds, here)
        if self.accelerator and device == here.first:
            return f"{here.kind}:{self.accelerator}"
        return device

    @cached_property
    def key(self) -> str:
        """Hash of everything that determines the predictions."""
        return trial_key(
            self.model,
            fold_id=self.fold.id,
            features=(
                features_id(self.fold.ratings)
                if self.model.capabilities.uses_features
                else ""
            ),
            seed=self.seed,
            device=self.device,
            precision=self.plan.config.precision,
            threads=self.plan.n_threads,
            torch=package_version("torch"),
        )

    def skip_reason(self) -> str:
        """Return why the trial must be skipped; empty if it need not."""
        if self.model.unavailable:
            return self.model.unavailable
        if self.fold.protocol.new_users and not self.model.capabilities.inductive:
            return (
                f"{self.model.name} is not inductive: it cannot predict for new users, "
                f"which {self.fold.protocol.name} requires"
            )
        if without_needed_times(self.model.capabilities, self.fold.ratings):
            dataset = self.plan.stages[self.stage_number].dataset
            return f"{self.model.name} needs timestamps, and {dataset.name} has none"
        return ""

    def record(self, **values: Any) -> TrialRecord:
        """Return the record of this trial with *values* filled in."""
        return TrialRecord(
            key=self.key,
            stage=self.stage_number,
            model=self.model_number,
            label=self.model.label,
            fold=self.fold.name,
            fold_id=self.fold.id,
            replicate=self.replicate,
            repeat=self.repeat,
            seed=self.seed,
            device=self.device,
            tuned=dict(self.chosen.options),
            tuning_seconds=self.chosen.seconds,
            halvings=self.halvings,
            n_hidden=len(self.fold.partition.hidden),
            environment=self.plan.environment.id,
            finished=now(),
            **values,
        )


def without_needed_times(can: Capabilities, ratings: Ratings) -> bool:
    """Return whether a model needs timestamps but *ratings* have none."""
    return can.needs_timestamps and ratings.timestamps is None


def _fold_record(fold: Fold, audit: Audit) -> FoldRecord:
    return FoldRecord(
        name=fold.name,
        id=fold.id,
        n_train=audit.n_train,
        n_hidden=audit.n_hidden,
        n_cold_users=audit.n_cold_users,
        n_cold_items=audit.n_cold_items,
        findings=audit.findings,
    )

"""Plan: all that a run will do, with every name resolved, before any is done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from benchbox.data import Dataset, features_id
from benchbox.errors import UsageError
from benchbox.machine import Environment, describe_environment, package_version
from benchbox.metrics import Metric
from benchbox.models import Capabilities, SearchSpace
from benchbox.options import in_force
from benchbox.protocols import Audit, Fold, audit_fold
from benchbox.records import (
    CaseRecord,
    FoldRecord,
    PlannedModel,
    RunConfig,
    StageRecord,
    TrialRecord,
    now,
    takers,
    trial_key,
)
from benchbox.seeding import derive_seed, permutation


@dataclass(frozen=True, eq=False, kw_only=True)
class Stage:
    """One data set under one protocol, with its folds.

    Attributes:
        dataset: The data set.
        folds: Its chosen folds; all of one protocol with the same options.
        standard: Whether every fold id is the one the data set's card states.
        case: Who takes part, and why, if not all models do.
    """

    dataset: Dataset
    folds: list[Fold]
    standard: bool
    case: CaseRecord | None = None

    @cached_property
    def audits(self) -> list[Audit]:
        """What the audit says of each fold."""
        return [audit_fold(fold) for fold in self.folds]

    def record(self) -> StageRecord:
        """Return what the results keep of this stage."""
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
            case=self.case,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What tuning has chosen for a model on a fold.

    Attributes:
        options: Values of the options searched.
        seconds: Wall-clock seconds of the search; `None` while it goes on.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """Everything a run will do, with every name resolved.

    Attributes:
        config: What the user asked for.
        models: Models in force.
        stages: Data sets and protocols in force.
        metrics: What to score.
        n_threads: Threads per trial.
        accelerators: Names of the accelerators of this machine.
        searches: What tuning may try, by id of the model.
        chosen: What tuning chose, by id of the fold and id of the model.
        refused: Why a part of what was asked for is no stage.
    """

    config: RunConfig
    models: list[PlannedModel]
    stages: list[Stage]
    metrics: list[Metric]
    n_threads: int
    accelerators: list[str]
    searches: Mapping[str, SearchSpace] = field(default_factory=dict)
    chosen: Mapping[tuple[str, str], Chosen] = field(default_factory=dict)
    refused: tuple[str, ...] = ()

    @cached_property
    def environment(self) -> Environment:
        """Machine and software of the run."""
        return describe_environment(self.accelerators)

    @cached_property
    def trials(self) -> list["PlannedTrial"]:
        """All trials: fold by fold, so that an early end leaves whole rows.

        A fold is gone through in rounds, one for each repeat and seed. Each has its
        own order of the models, so that a machine that slows down wrongs none.
        """
        return [
            trial
            for number, stage in enumerate(self.stages)
            for fold in stage.folds
            for repeat in range(self.config.repeats)
            for replicate in range(self.config.seeds)
            for trial in self._round(number, fold, replicate, repeat)
        ]

    def takers(self, stage_number: int) -> list[int]:
        """Return the places of the models that take part in a stage."""
        return takers(self.stages[stage_number].case, len(self.models))

    def _round(
        self, stage_number: int, fold: Fold, replicate: int, repeat: int
    ) -> list["PlannedTrial"]:
        place = ("trial order", stage_number, fold.name, replicate, repeat)
        places = self.takers(stage_number)
        order = permutation(len(places), derive_seed(self.config.seed, *place))
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
    """One model on one fold with one seed, for the first time or again."""

    plan: Plan
    stage_number: int
    model_number: int
    fold: Fold
    replicate: int
    repeat: int = 0

    @property
    def chosen(self) -> Chosen:
        """What tuning chose for this trial."""
        return self.plan.chosen.get((self.fold.id, self.untuned.id), Chosen())

    @property
    def untuned(self) -> PlannedModel:
        """The model of this trial, before tuning has chosen anything for it."""
        return self.plan.models[self.model_number]

    @cached_property
    def model(self) -> PlannedModel:
        """The model of this trial."""
        options = self.untuned.options | dict(self.chosen.options)
        return msgspec.structs.replace(self.untuned, options=options)

    @cached_property
    def seed(self) -> int:
        """Seed of the model; no other trial's seed depends on it."""
        return self.fold_seed(self.model.name, self.replicate)

    def fold_seed(self, *path: str | int) -> int:
        """Return the seed of a branch below this trial's fold.

        The fold is named, not hashed: its id says what the hidden ratings are, and
        whatever a model gets to see must not depend on them.
        """
        dataset = self.plan.stages[self.stage_number].dataset
        names = (dataset.name, self.fold.protocol.name, self.fold.name)
        return derive_seed(self.plan.config.seed, *names, *path)

    @cached_property
    def device(self) -> str:
        """Device the model is given: the one asked for, if the model runs on it."""
        return device_for(
            self.plan.config.device, self.model.capabilities, self.plan.accelerators
        )

    @cached_property
    def key(self) -> str:
        """Hash of everything that decides the predictions."""
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
        """Return why the model cannot take part, or an empty string."""
        if self.fold.protocol.new_users and not self.model.capabilities.inductive:
            return (
                f"{self.model.name} cannot predict for users it was not fitted to "
                f"(it is not inductive), and {self.fold.protocol.name} asks for them"
            )
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
            n_hidden=len(self.fold.partition.hidden),
            environment=self.plan.environment.id,
            finished=now(),
            **values,
        )


def device_for(asked: str, can: Capabilities, accelerators: list[str]) -> str:
    """Return the device a model is given: the one asked for, if it runs there."""
    if asked == "auto":
        return "cuda:0" if "cuda" in can.devices and accelerators else "cpu"
    return asked if asked.partition(":")[0] in can.devices else "cpu"


def check_device(device: str, accelerators: list[str]) -> None:
    """Refuse a device that this machine does not have.

    Raises:
        UsageError: There is no such device.
    """
    kind, _, number = device.partition(":")
    if kind in ("auto", "cpu") and not number:
        return
    if kind != "cuda" or not (number or "0").isdecimal():
        raise UsageError(f"No device {device!r}. Use auto, cpu, cuda or cuda:N.")
    if int(number or 0) >= len(accelerators):
        found = ", ".join(accelerators) or "none"
        raise UsageError(
            f"Device {device!r} is not on this machine. CUDA devices found: {found}. "
            f"Use --device cpu, or install a torch build for your GPU."
        )


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

"""Resolve: from the names and files a user gives to the objects a run works with."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchbox.data import (
    Dataset,
    DatasetCard,
    card_for_files,
    is_file_choice,
    load_dataset,
)
from benchbox.errors import PluginError, UsageError, nearest
from benchbox.machine import FoundDevices, check_device, device_for
from benchbox.metrics import METRICS, Metric
from benchbox.models import Capabilities, ModelSpec
from benchbox.options import Options, changed, decode, split_choice, to_json
from benchbox.plugins import Offer, Registry
from benchbox.protocols import (
    Fold,
    Protocol,
    check_fold_ids,
    make_folds,
    pinned_ids,
    refuse_leaks,
)
from benchbox.records import PlannedModel, RunConfig, RunRecord
from benchbox.runs.plan import Stage
from benchbox.targets import source_digest, target_of
from benchbox.trials import Described, LocalExecutor

Notify = Callable[[str], None]

_MODEL_FILE = re.compile(r"(?P<file>.+\.py):(?P<name>\w+)(:(?P<settings>.*))?")


def resolve_models(
    choices: Sequence[str], registry: Registry, executor: LocalExecutor, scratch: Path
) -> list[PlannedModel]:
    """Return the models chosen, or every installed one, quick ones first.

    Raises:
        UsageError: A name or an option is unknown, or a model is chosen twice.
    """
    if not choices:
        offers = sorted(registry.all("models"), key=_cost)
        models = [_from_spec(offer, {}) for offer in offers]
    else:
        models = [_choose(text, registry, executor, scratch) for text in choices]
    if not models:
        raise UsageError("No models are installed, and none was named with --model.")
    labels = [model.label for model in models]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"Model {label!r} is chosen twice. Leave one out.")
    return models


def resolve_stages(
    config: RunConfig, registry: Registry, notify: Notify
) -> list[Stage]:
    """Load the data sets chosen, and split each by the protocols chosen.

    Raises:
        UsageError: A name or an option is unknown.
        DataError: A data set cannot be had or read.
        ProtocolError: A protocol cannot split a data set.
        LeakError: Hidden ratings can reach a model.
    """
    stages = []
    for text in config.datasets:
        card, settings = find_dataset(text, registry, config.columns)
        dataset = load_dataset(card, settings, notify=notify)
        for choice in config.protocols or (card.default_protocol,):
            stages.append(
                resolve_stage(dataset, choice, config.folds, registry, settings, notify)
            )
    return stages


def resolve_stage(
    dataset: Dataset,
    choice: str,
    wanted: Sequence[str],
    registry: Registry,
    settings: dict[str, str],
    notify: Notify,
) -> Stage:
    """Split *dataset* by the protocol of *choice*, and audit the folds.

    Args:
        dataset: What is split.
        choice: The protocol, as on the command line.
        wanted: Folds by name; none means the data set's default folds.
        registry: What is installed.
        settings: The data set's own, as they were given.
        notify: Takes a line for each warning of the audit.

    Raises:
        UsageError: A name or an option is unknown.
        ProtocolError: The protocol cannot split the data.
        LeakError: Hidden ratings can reach a model.
    """
    folds = split(dataset, choice, wanted, registry)
    pinned = pinned_ids(dataset, folds)
    stage = Stage(
        dataset=dataset,
        folds=folds,
        standard=all(fold.name in pinned for fold in folds),
        changed=settings,
    )
    refuse_leaks(folds, stage.audits, dataset.name)
    _warn(stage, notify)
    return stage


class Again:
    """Makes the stages of a run that has ended anew, from its record.

    Args:
        run: The run.
        registry: What is installed.
        notify: Takes a line for each source passed over and each warning.
    """

    def __init__(self, run: RunRecord, registry: Registry, notify: Notify) -> None:
        self._run, self._registry, self._notify = run, registry, notify
        self._loaded: dict[str, Dataset] = {}

    def stage(self, number: int) -> Stage:
        """Return the stage of that number.

        Raises:
            BenchboxError: As `resolve_stages` says.
        """
        text, protocol, folds = self._choice(number)
        card, settings = find_dataset(text, self._registry, self._run.config.columns)
        if text not in self._loaded:
            self._loaded[text] = load_dataset(card, settings, notify=self._notify)
        return resolve_stage(
            self._loaded[text],
            protocol or card.default_protocol,
            folds,
            self._registry,
            settings,
            self._notify,
        )

    def _choice(self, number: int) -> tuple[str, str, Sequence[str]]:
        """Return the data set, the protocol and the folds of a stage, as chosen."""
        config, stage = self._run.config, self._run.stages[number]
        if stage.case is not None:
            # What stood in for the data of a case then, whatever is at hand now.
            folds = [fold.name for fold in stage.folds]
            return stage.case.dataset, stage.case.protocol, folds
        protocols = config.protocols or ("",)
        place, protocol = divmod(number, len(protocols))
        return config.datasets[place], protocols[protocol], config.folds


def choose_device(
    asked: str, can: Capabilities, executor: LocalExecutor, scratch: Path
) -> str:
    """Return the device for a model: the one asked for, or the best it runs on.

    Raises:
        UsageError: This machine has no such device.
    """
    here = find_accelerators(asked, executor, scratch)
    return device_for(asked, can.devices, here)


def find_accelerators(
    asked: str, executor: LocalExecutor, scratch: Path
) -> FoundDevices:
    """Return the accelerators of this machine, where one may be wanted.

    Raises:
        UsageError: This machine has no such device as *asked*.
    """
    accelerators = FoundDevices()
    if asked != "cpu":
        # Only a child may wake the accelerator: what has, cannot be forked.
        answer = executor.ask({"kind": "devices"}, scratch / "devices.log")
        accelerators = msgspec.convert(answer["accelerators"], FoundDevices)
    check_device(asked, accelerators)
    return accelerators


def find_dataset(
    text: str, registry: Registry, columns: str = ""
) -> tuple[DatasetCard, dict[str, str]]:
    """Return the card and the settings of a data set named on the command line.

    Raises:
        UsageError: It is neither an installed data set nor a file.
    """
    name, settings = split_choice(text)
    if name not in registry.offers["datasets"] and is_file_choice(name):
        return card_for_files(name, columns or None), settings
    card: DatasetCard = registry.find("datasets", name).value
    return card, settings


def resolve_metrics(registry: Registry) -> list[Metric]:
    """Return all metrics, benchbox's own first: the first is what tables rank by."""
    own = {metric.name for metric in METRICS}
    offers = [offer.value for offer in registry.all("metrics")]
    return [m for m in offers if m.name in own] + [
        m for m in offers if m.name not in own
    ]


def _choose(
    text: str, registry: Registry, executor: LocalExecutor, scratch: Path
) -> PlannedModel:
    in_file = _MODEL_FILE.fullmatch(text)
    if in_file is None:
        name, settings = split_choice(text)
        return _from_spec(registry.find("models", name), settings)
    file, name = Path(in_file["file"]), in_file["name"]
    if not file.is_file():
        raise UsageError(f"There is no file {str(file)!r} to take model {name!r} from.")
    _, settings = split_choice(f"{name}:{in_file['settings']}" if in_file[4] else name)
    return _from_file(file.resolve(), name, settings, executor, scratch)


def _from_spec(offer: Offer[Any], settings: dict[str, str]) -> PlannedModel:
    spec: ModelSpec = offer.value
    settings = dict(settings)
    chosen = {"preset": settings.pop("preset")} if "preset" in settings else {}
    preset = _preset(spec, **chosen) if chosen else {}
    options = decode(spec.options, preset | settings, spec.name)
    start = decode(spec.options, preset, spec.name)
    return PlannedModel(
        name=spec.name,
        target=spec.target,
        options_type=target_of(spec.options),
        options=to_json(options),
        changed=chosen | changed(options, start),
        capabilities=_needed(spec.capabilities, options),
        package=offer.origin.package,
        version=offer.origin.version,
        source_digest=source_digest(spec.target),
    )


def _needed(can: Capabilities, options: Options) -> Capabilities:
    """Return what a model can do, without what its *options* make no use of."""
    if options.asks_validation:
        return can
    return msgspec.structs.replace(can, uses_validation=False, refits=False)


def _preset(spec: ModelSpec, preset: str) -> dict[str, Any]:
    if preset not in spec.presets:
        known = ", ".join(spec.presets) or "none"
        raise UsageError(
            f"{spec.name} has no preset {preset!r}.{nearest(preset, spec.presets)} "
            f"Its presets: {known}."
        )
    return dict(spec.presets[preset])


def _from_file(
    file: Path,
    name: str,
    settings: dict[str, str],
    executor: LocalExecutor,
    scratch: Path,
) -> PlannedModel:
    # A child imports the file: it may be heavy, and it must not meet hidden ratings.
    target = f"{file}:{name}"
    question = {"kind": "describe", "target": target, "settings": settings}
    answer = executor.ask(question, scratch / "describe.log")
    described = msgspec.convert(answer, Described)
    if described.error:
        raise PluginError(f"{file.name}:{name} cannot be a model: {described.error}")
    chosen = {key: described.options[key] for key in settings}
    return PlannedModel(
        name=name,
        target=target,
        options_type=described.options_type,
        options=described.options,
        changed=chosen,
        capabilities=described.capabilities,
        package=file.name,
        version="",
        source_digest=source_digest(target),
    )


def split(
    dataset: Dataset, choice: str, wanted: Sequence[str], registry: Registry
) -> list[Fold]:
    """Return the folds of a protocol chosen on the command line, checked by their ids.

    Args:
        dataset: What to split.
        choice: The protocol and its options.
        wanted: Names of the folds asked for; none means the data set's default ones.
        registry: Knows the protocols.

    Raises:
        UsageError: A name or an option is unknown.
        ProtocolError: The protocol cannot split the data set.
        DataError: The folds are not those the data set's card pins.
    """
    name, options_text = split_choice(choice)
    protocol: Protocol = registry.find("protocols", name).value
    options: Options = decode(protocol.options, options_text, protocol.name)
    folds = make_folds(dataset.ratings, protocol, options, dataset.folds)
    check_fold_ids(dataset, folds)
    defaults = dataset.card.default_folds if protocol.name == "official" else ()
    return _pick(folds, wanted or defaults, dataset.name)


def _warn(stage: Stage, notify: Notify) -> None:
    """Say what may spoil the figures of a stage, once for all its folds."""
    first: dict[str, tuple[str, str]] = {}
    n_folds: Counter[str] = Counter()
    for fold, audit in zip(stage.folds, stage.audits, strict=True):
        for found in audit.findings:
            if found.severity == "warning":
                first.setdefault(found.name, (fold.name, found.text))
                n_folds[found.name] += 1
    for name, (fold_name, text) in first.items():
        others = n_folds[name] - 1
        more = f" (and {others} other folds)" if others else ""
        notify(f"benchbox: {stage.record().label}, fold {fold_name}{more}: {text}.")


def _pick(folds: list[Fold], wanted: Sequence[str], dataset: str) -> list[Fold]:
    by_name = {fold.name: fold for fold in folds}
    for name in wanted:
        if name not in by_name:
            raise UsageError(
                f"Protocol {folds[0].protocol.name!r} on {dataset} has no fold "
                f"{name!r}. Its folds: {', '.join(by_name)}."
            )
    return [by_name[name] for name in wanted] if wanted else folds


def _cost(offer: Offer[Any]) -> tuple[float, str]:
    hint = offer.value.cost_hint
    return (float("inf") if hint is None else hint, offer.value.name)

"""Resolves what the user names: models, devices and metrics."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchbox.errors import BenchboxError, PluginError, UsageError
from benchbox.machine import (
    FoundDevices,
    check_device,
    device_for,
    set_accelerators,
)
from benchbox.metrics import METRICS, Metric
from benchbox.models import Capabilities, SearchSpace, read_space
from benchbox.options import split_choice, to_json
from benchbox.plugins import Offer, Registry, configure_model
from benchbox.records import Access, Described, ModelQuestion, PlannedModel
from benchbox.runs.trust import MODEL_FILE
from benchbox.targets import file_of, source_digest, target_of
from benchbox.trials import Executor

EVERY_MODEL = "all"
"""On the command line, every installed model."""


def resolve_models(
    choices: Sequence[str], registry: Registry, executor: Executor, access: Access
) -> list[PlannedModel]:
    """Return the chosen models, or those of a default run, fastest first.

    Args:
        choices: Models, as on the command line; ``all`` stands for every installed
            one that is not chosen otherwise.
        registry: Installed plugins.
        executor: Asks a new process about models in files.
        access: What that process may read.

    Raises:
        UsageError: A name or an option is unknown, or a model is chosen twice.
    """
    offers = sorted(registry.all("models"), key=_cost)
    if not choices:
        offers = [offer for offer in offers if offer.value.by_default]
        models = [_from_spec(offer, {}, registry) for offer in offers]
    else:
        models = [
            _choose(text, registry, executor, access)
            for text in choices
            if text != EVERY_MODEL
        ]
    if EVERY_MODEL in choices:
        chosen = {model.name for model in models}
        rest = [offer for offer in offers if offer.value.name not in chosen]
        models += [_from_spec(offer, {}, registry) for offer in rest]
    if not models:
        raise UsageError(
            "No models are installed. Name a model in a file with --model."
        )
    labels = [model.label for model in models]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"Model {label!r} is given twice. Remove one of them.")
    return models


def own_spaces(
    models: Sequence[PlannedModel], executor: Executor
) -> dict[str, SearchSpace]:
    """Return the search spaces that classes in files state, by name of the model."""
    questions = {
        model.name: ModelQuestion(target=model.target, settings={})
        for model in models
        if file_of(model.target) is not None
    }
    return {
        name: read_space(executor.describe(question).search)
        for name, question in questions.items()
    }


def choose_device(asked: str, can: Capabilities, executor: Executor) -> str:
    """Return the device for a model: the requested one, or the best it supports.

    Raises:
        UsageError: This machine has no such device.
    """
    return device_for(asked, can.devices, find_accelerators(asked, executor))


def make_accelerators_known(registry: Registry) -> None:
    """Have this process, and those it starts, know the accelerators of all plugins."""
    offers = [offer.value for offer in registry.all("accelerators")]
    set_accelerators({kind.name: kind.target for kind in offers})


def find_accelerators(asked: str, executor: Executor) -> FoundDevices:
    """Return the accelerators of this machine, unless *asked* is ``cpu``.

    Raises:
        UsageError: This machine has no such device as *asked*.
    """
    accelerators = FoundDevices()
    if asked != "cpu":
        # Ask a child process: one that has used an accelerator cannot be forked.
        accelerators = executor.accelerators()
    check_device(asked, accelerators)
    return accelerators


def resolve_metrics(registry: Registry) -> list[Metric]:
    """Return all metrics, benchbox's own first; tables are ranked by the first."""
    own = {metric.name for metric in METRICS}
    offers = [offer.value for offer in registry.all("metrics")]
    return [m for m in offers if m.name in own] + [
        m for m in offers if m.name not in own
    ]


def _choose(
    text: str, registry: Registry, executor: Executor, access: Access
) -> PlannedModel:
    in_file = MODEL_FILE.fullmatch(text)
    if in_file is None:
        name, settings = split_choice(text)
        if name.endswith(".py"):
            return _from_file(Path(name), "", settings, executor, access)
        return _from_spec(registry.find("models", name), settings, registry)
    name = in_file["name"]
    _, settings = split_choice(f"{name}:{in_file['settings']}" if in_file[4] else name)
    return _from_file(Path(in_file["file"]), name, settings, executor, access)


def _from_spec(
    offer: Offer[Any], settings: dict[str, str], registry: Registry
) -> PlannedModel:
    chosen = configure_model(offer, settings, registry)
    spec = chosen.spec
    return PlannedModel(
        name=spec.name,
        target=spec.target,
        options_type=target_of(spec.options),
        options=to_json(chosen.options),
        changed=dict(chosen.changed),
        capabilities=chosen.capabilities,
        package=offer.origin.package,
        version=offer.origin.version,
        source_digest=chosen.source_digest,
        libraries=chosen.libraries,
        unavailable=chosen.unavailable,
    )


def _from_file(
    named: Path,
    name: str,
    settings: dict[str, str],
    executor: Executor,
    access: Access,
) -> PlannedModel:
    if not named.is_file():
        model = f"model {name!r}" if name else "a model"
        raise UsageError(f"There is no file {str(named)!r} to load {model} from.")
    file = named.resolve()
    target = f"{file}:{name}"
    question = ModelQuestion(target=target, settings=settings, access=access)
    described = _described(question, executor)
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


def _described(question: ModelQuestion, executor: Executor) -> Described:
    """Return what a class in a file says of itself.

    One whose file cannot be imported is planned all the same, with the options as
    given: each of its trials will say why, and the other models run.

    Raises:
        UsageError: The class is not named, or cannot take the settings.
        PluginError: It is no model.
    """
    # A child process imports the file: it may be slow, and must not see hidden ratings.
    try:
        described = executor.describe(question)
    except BenchboxError as error:
        # The file has ended the child that imported it, or kept it from answering.
        described = Described(error=str(error).removesuffix("."), fault="import")
    file, _, name = question.target.rpartition(":")
    if described.fault == "import" and name:
        unknown = Capabilities(inductive=True, stochastic=False)
        return Described(options=dict(question.settings), capabilities=unknown)
    file_name = Path(file).name
    if described.fault == "import":
        raise PluginError(f"{file_name} cannot be imported: {described.error}.")
    if described.fault == "call":
        raise UsageError(f"{file_name}: {described.error}" if name else described.error)
    if described.error:
        raise PluginError(
            f"{file_name}:{name} cannot be used as a model: {described.error}"
        )
    return described


def _cost(offer: Offer[Any]) -> tuple[float, str]:
    hint = offer.value.cost_hint
    return (float("inf") if hint is None else hint, offer.value.name)

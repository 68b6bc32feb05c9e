"""Finds what `benchbox plugins check NAME` should test, and tests it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchbox.data import DatasetCard
from benchbox.errors import UsageError, nearest
from benchbox.models import ModelSpec
from benchbox.options import NoOptions, Options, split_choice
from benchbox.plugins import Registry, preset_of
from benchbox.targets import resolve
from benchbox.testing import (
    DATASET_CHECKS,
    MODEL_CHECKS,
    DatasetSubject,
    ModelSubject,
    Verdict,
    judge,
)
from benchbox.trials import describe

Subject = ModelSubject | DatasetSubject


def find_subjects(text: str, registry: Registry) -> list[tuple[str, Subject]]:
    """Return the models and data sets that *text* names, each with a label.

    Raises:
        UsageError: No model, data set or plugin has this name.
    """
    file, _, rest = text.partition(".py:")
    if rest:
        return [(text, _in_file(f"{file}.py", rest))]
    name, settings = split_choice(text)
    if name in registry.offers["models"]:
        spec = registry.find("models", name).value
        chosen = dict(settings)
        preset = preset_of(spec, chosen.pop("preset")) if "preset" in chosen else {}
        return [(f"model {text}", ModelSubject(spec=spec, settings=preset | chosen))]
    if name in registry.offers["datasets"]:
        card = registry.find("datasets", name).value
        return [(f"data set {name}", DatasetSubject(card, settings, registry))]
    return _of_plugin(name, registry)


def verdicts_of(subject: Subject) -> Iterator[Verdict]:
    """Run all checks that apply to *subject*."""
    if isinstance(subject, ModelSubject):
        yield from judge(MODEL_CHECKS, subject)
    else:
        yield from judge(DATASET_CHECKS, subject)


def _of_plugin(name: str, registry: Registry) -> list[tuple[str, Subject]]:
    broken = [one.origin for one in registry.broken]
    origins = [
        origin
        for origin in {*registry.plugins, *broken}
        if name in (origin.package, origin.entry_point)
    ]
    if not origins:
        names = [n for kind in ("models", "datasets") for n in registry.offers[kind]]
        names += [o.package for o in registry.plugins]
        raise UsageError(
            f"There is no model, data set or plugin {name!r}.{nearest(name, names)}"
        )
    subjects: list[tuple[str, Subject]] = []
    for origin in sorted(origins):
        for value in _offered(registry, origin):
            if isinstance(value, ModelSpec):
                subjects.append((f"model {value.name}", ModelSubject(spec=value)))
            elif isinstance(value, DatasetCard):
                judged = DatasetSubject(value, registry=registry)
                subjects.append((f"data set {value.name}", judged))
    return subjects


def _offered(registry: Registry, origin: Any) -> list[Any]:
    return [
        value
        for kind in ("models", "datasets")
        for value in registry.offered_by(origin, kind)
    ]


def _in_file(file: str, rest: str) -> ModelSubject:
    if not Path(file).is_file():
        raise UsageError(f"There is no file {file!r} to load a model from.")
    name, settings = split_choice(rest)
    target = f"{Path(file).resolve()}:{name}"
    described = describe(target, settings)
    options: type[Options] = NoOptions
    if described.options_type:
        options = resolve(described.options_type)
    spec = ModelSpec(
        name=name.lower(),
        target=target,
        summary=described.summary or name,
        options=options,
        capabilities=described.capabilities,
    )
    if described.options_type:
        return ModelSubject(spec=spec, settings=settings)
    return ModelSubject(spec=spec, settings=described.options, takes_keywords=True)

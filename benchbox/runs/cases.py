"""Suites: from their cases to models, and to stages that name their takers."""

from dataclasses import replace
from pathlib import Path

from benchbox.data import Dataset, load_dataset, locate
from benchbox.errors import UsageError
from benchbox.plugins import Registry
from benchbox.records import Case, CaseRecord, PlannedModel, PublishedRecord, RunConfig
from benchbox.runs.plan import Stage
from benchbox.runs.resolve import Notify, find_dataset, resolve_models, resolve_stage
from benchbox.trials import LocalExecutor


def resolve_cases(
    config: RunConfig,
    registry: Registry,
    executor: LocalExecutor,
    scratch: Path,
    notify: Notify,
) -> tuple[list[PlannedModel], list[Stage]]:
    """Return the models of all cases, each once, and a stage for each case.

    The data set of a case is loaded if its files are here, else what stands in for it.

    Raises:
        UsageError: A name or an option is unknown, or a case names a model twice.
        DataError: A data set cannot be had or read.
        ProtocolError: A protocol cannot split a data set.
    """
    chosen = [
        resolve_models(case.models, registry, executor, scratch)
        for case in config.cases
    ]
    models = {model.label: model for takers in chosen for model in takers}
    places = {label: place for place, label in enumerate(models)}
    loaded: dict[str, Dataset] = {}
    stages = []
    for case, takers in zip(config.cases, chosen, strict=True):
        text, wanted = _at_hand(case, registry)
        card, settings = find_dataset(text, registry)
        if text not in loaded:
            loaded[text] = load_dataset(
                card, settings, kind_of=registry.source_kind, notify=notify
            )
        stage = resolve_stage(
            loaded[text], case.protocol, case.folds, registry, settings, notify
        )
        own = [places[model.label] for model in takers]
        record = CaseRecord(
            title=case.title,
            dataset=text,
            protocol=case.protocol,
            models=own,
            wanted=wanted,
            published=_published(case, own, registry),
        )
        stages.append(replace(stage, case=record))
    return list(models.values()), stages


def _at_hand(case: Case, registry: Registry) -> tuple[str, str]:
    """Return the data set of a case that is here, and the one it stands in for."""
    for text in (case.dataset, *case.instead):
        card, _ = find_dataset(text, registry)
        if locate(card, kind_of=registry.source_kind).is_here:
            break
    return text, "" if text == case.dataset else case.dataset


def _published(
    case: Case, takers: list[int], registry: Registry
) -> list[PublishedRecord]:
    figures = []
    for name in case.claims:
        claim = registry.find("claims", name).value
        if claim.model not in case.models:
            raise UsageError(
                f"Case {case.title!r} shows claim {name!r}, which is about "
                f"{claim.model!r}. Name that among its models."
            )
        model = takers[case.models.index(claim.model)]
        figures += [
            PublishedRecord(claim=name, model=model, metric=metric, value=value)
            for metric, value in claim.published.items()
        ]
    return figures

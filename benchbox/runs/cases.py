"""Resolves the cases of a suite: their models, data sets and protocols."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from benchbox.errors import UsageError
from benchbox.plugins import Registry
from benchbox.records import Access, Case, CaseRecord, PlannedModel, PublishedRecord
from benchbox.runs.plan import Stage
from benchbox.runs.resolve import resolve_models
from benchbox.runs.stages import Stages
from benchbox.trials import Executor


def resolve_cases(
    cases: Sequence[Case],
    registry: Registry,
    executor: Executor,
    stages: Stages,
    access: Access,
) -> tuple[list[PlannedModel], list[Stage]]:
    """Return the models of all cases, each once, and a stage for each case.

    If the files of a case's data set are not on this machine, a substitute is loaded.

    Args:
        cases: Cases of the suite.
        registry: Installed plugins.
        executor: Executor that inspects models in files.
        stages: Loads and splits the data sets.
        access: What these models may read.

    Raises:
        UsageError: A name or an option is unknown, or a case names a model twice.
        DataError: A data set cannot be found, downloaded or read.
        ProtocolError: A protocol cannot split a data set.
    """
    chosen = [resolve_models(case.models, registry, executor, access) for case in cases]
    models = {model.label: model for members in chosen for model in members}
    places = {label: place for place, label in enumerate(models)}
    stages.tell_apart(
        [text for case in cases for text in (case.dataset, *case.instead)]
    )
    asked: list[Callable[[], Stage]] = []
    for case, members in zip(cases, chosen, strict=True):
        own = [places[model.label] for model in members]
        asked.append(partial(_stage, case, own, registry, stages))
    return list(models.values()), stages.possible(asked)


def _stage(case: Case, own: list[int], registry: Registry, stages: Stages) -> Stage:
    """Return the stage of a case, in which the models at the places *own* take part."""
    text, wanted = _available(case, stages)
    record = CaseRecord(
        title=case.title,
        dataset=text,
        protocol=case.protocol,
        models=own,
        wanted=wanted,
        published=_published(case, own, registry),
    )
    return replace(stages.stage(text, case.protocol, case.folds), case=record)


def _available(case: Case, stages: Stages) -> tuple[str, str]:
    """Return the data set to use, and the one it replaces (empty if none)."""
    for text in (case.dataset, *case.instead):
        if stages.is_here(text):
            break
    return text, "" if text == case.dataset else case.dataset


def _published(
    case: Case, members: list[int], registry: Registry
) -> list[PublishedRecord]:
    figures = []
    for name in case.claims:
        claim = registry.find("claims", name).value
        if claim.model not in case.models:
            raise UsageError(
                f"Case {case.title!r} shows the claim {name!r} about {claim.model!r}. "
                f"Add this to the models of the case."
            )
        model = members[case.models.index(claim.model)]
        figures += [
            PublishedRecord(claim=name, model=model, metric=metric, value=value)
            for metric, value in claim.published.items()
        ]
    return figures

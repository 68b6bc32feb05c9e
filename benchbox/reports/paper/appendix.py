"""The appendix of a paper: splits, options, search spaces, budgets and machine."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from benchbox.errors import counted
from benchbox.models import OneOf, Span, read_space
from benchbox.options import spell
from benchbox.records import PlannedModel, RunRecord, StudyRecord, TrialRecord
from benchbox.reports.numbers import MISSING, seconds
from benchbox.reports.paper.parts import Part

_AS_HASH = 8
"""Characters of a hash that are printed; ``run.json`` has them all."""


def appendix(
    run: RunRecord, trials: Sequence[TrialRecord], studies: Sequence[StudyRecord]
) -> list[Part]:
    """Return what a paper has to say of a run, from its records alone.

    Args:
        run: The run.
        trials: Its trials.
        studies: Its searches for options; empty without tuning.
    """
    return [
        _data(run),
        _models(run, studies),
        *_searches(run, studies),
        _metrics(run),
        _machine(run, trials),
    ]


def _data(run: RunRecord) -> Part:
    return Part(
        title="Data and splits",
        headings=[
            "data set",
            "ratings",
            "users",
            "items",
            "scale",
            "split",
            "fold ids",
        ],
        rows=[
            [
                f"{spell(s.dataset, s.dataset_options)} ({s.data_id[:_AS_HASH]})",
                f"{s.n_ratings:,}",
                f"{s.n_users:,}",
                f"{s.n_items:,}",
                str(s.scale),
                f"{spell(s.protocol, s.protocol_options)}"
                f"{', standard' if s.standard else ''}"
                f"{', flawed' if s.flaw else ''}; unseen users and items: "
                f"{s.cold_policy}",
                ", ".join(f"{f.name} {f.id[:_AS_HASH]}" for f in s.folds),
            ]
            for s in run.stages
        ],
        notes=[
            "Ids are hashes: of the ratings, and of the ratings with the role of each "
            "in a fold."
        ],
    )


def _models(run: RunRecord, studies: Sequence[StudyRecord]) -> Part:
    config = run.config
    # Records of older versions do not tell the search space.
    searched = {s.model: [*(s.space or s.chosen)] for s in studies}
    fits = counted(config.seeds, "fit")
    return Part(
        title="Models and options in force",
        headings=["model", "from", "options"],
        rows=[
            [
                m.label,
                f"{m.package} {m.version}".strip()
                + (f", source {m.source_digest[:_AS_HASH]}" if m.source_digest else ""),
                _in_force(m, searched),
            ]
            for m in run.models
        ],
        notes=[
            f"Stochastic models: {fits} per fold, each with its own seed, derived from "
            f"root seed {config.seed}; others: one. Predictions are "
            f"{'clipped to the scale' if config.clip else 'not clipped'}. Precision of "
            f"matrix products: {config.precision}. Limit of a trial: "
            f"{_limit(config.time_limit_seconds, 's')}, "
            f"{_limit(config.memory_limit_gib, 'GiB')}."
        ],
    )


def _in_force(model: PlannedModel, searched: Mapping[str, Sequence[str]]) -> str:
    """Return a model's options; of those that were searched for, only the names."""
    if not model.tuned:
        return _spelt(model.options) or "none"
    open_ones = searched.get(replace(model, tuned=False).label, [])
    fixed = _spelt({k: v for k, v in model.options.items() if k not in open_ones})
    chosen = f"chosen on each fold, see below: {', '.join(open_ones) or 'not recorded'}"
    return f"{fixed}; {chosen}" if fixed else chosen


def _limit(value: float | None, unit: str) -> str:
    return f"no limit in {unit}" if value is None else f"{value:g} {unit}"


def _spelt(options: Mapping[str, Any]) -> str:
    return ", ".join(spell("", {k: v})[1:] for k, v in options.items())


def _searches(run: RunRecord, studies: Sequence[StudyRecord]) -> Iterator[Part]:
    if not studies:
        yield Part(
            title="Search for options",
            headings=[],
            rows=[],
            notes=["No options were searched for: each model has the options above."],
        )
        return
    yield Part(
        title="Search spaces",
        headings=["model", "option", "values"],
        rows=[
            [model, option, text]
            for model, space in {s.model: s.space for s in studies}.items()
            for option, text in _values(space).items()
        ],
        notes=[]
        if all(study.space for study in studies)
        else ["Records of older versions do not tell the search space."],
    )
    budget = studies[0].budget
    limit = f" and {budget.seconds:g} s" if budget.seconds else ""
    total = sum(study.seconds for study in studies)
    yield Part(
        title="Search for options",
        headings=[
            *("model", "data · fold", "tried", "failed", "s", "before", "after"),
            "chosen",
        ],
        rows=[_search(run, study) for study in studies],
        notes=[
            f"Budget of each model on each fold: {counted(budget.trials, 'setting')}"
            f"{limit}, the model's own included; {seconds(total)} s in total. before, "
            f"after: {budget.metric} on validation ratings, which are part of the "
            f"training ratings. The hidden ratings had no part in it."
        ],
    )


def _values(space: Mapping[str, Any]) -> dict[str, str]:
    return {name: _said(values) for name, values in read_space(space).items()}


def _said(values: Span | OneOf) -> str:
    if isinstance(values, OneOf):
        texts = (spell("", {"": v})[2:] or "nothing" for v in values.values)
        return "one of " + ", ".join(texts)
    kind = "whole numbers" if values.is_whole else "numbers"
    scale = ", on a logarithmic scale" if values.log else ""
    return f"{kind} from {values.low:g} to {values.high:g}{scale}"


def _search(run: RunRecord, study: StudyRecord) -> list[str]:
    stage = run.stages[study.stage]
    data = spell(stage.dataset, stage.dataset_options)
    return [
        study.model,
        f"{data} · {study.fold}",
        str(len(study.tried)),
        str(sum(tried.value is None for tried in study.tried)),
        seconds(study.seconds),
        *(MISSING if v is None else f"{v:.4f}" for v in (study.before, study.after)),
        _spelt(study.chosen) or "none",
    ]


def _metrics(run: RunRecord) -> Part:
    return Part(
        title="Metrics",
        headings=["metric", "definition", "unit", "mean over"],
        rows=[[m.title, m.definition, m.unit, f"{m.pooling}s"] for m in run.metrics],
        notes=[
            "A figure of a table is the mean over folds of the mean over fits; ± is "
            "the standard deviation over folds."
        ],
    )


def _machine(run: RunRecord, trials: Sequence[TrialRecord]) -> Part:
    here = run.environment
    devices = sorted({trial.device for trial in trials if trial.status == "ok"})
    total = sum(trial.seconds for trial in trials)
    facts = {
        "machine": here.machine(),
        "system": here.system,
        "threads per trial": str(run.n_threads),
        "devices": ", ".join(devices) or MISSING,
        "benchbox": f"{here.benchbox} {here.commit}".strip(),
        "Python": here.python,
        "packages": ", ".join(f"{k} {v}" for k, v in here.packages.items()),
        "trials": f"{len(trials)} of {run.n_trials}, {seconds(total)} s in total",
        "command": run.command,
        "run": run.id,
    }
    return Part(
        title="Machine and software",
        headings=["what", "value"],
        rows=[[*fact] for fact in facts.items()],
    )

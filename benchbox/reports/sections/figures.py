"""Sections with each model's figures: definitions of RMSE, and intervals."""

from functools import partial

from benchbox.analysis import OVER_USERS, Analysis, ModelAnalysis
from benchbox.metrics import RMSE, VARIANTS, Metric
from benchbox.reports.numbers import MISSING, heading, number
from benchbox.reports.other_pairs import marked, verdict
from benchbox.reports.sections.section import Record, Section, bounds, ends


def definitions(analysis: Analysis) -> Section:
    """Return each model's RMSE by all definitions in use, side by side."""
    first = analysis.models[0]
    n_all, n_known = first.n_scored["pooled"], first.n_scored["known"]
    widest = max(analysis.models, key=_gap)
    return Section(
        name="definitions",
        title="The same predictions by every definition of RMSE in use",
        headings=["model", *(v.title for v in VARIANTS), "range"],
        cells=[
            [
                model.label,
                *(number(RMSE, model.variants[v.name]) for v in VARIANTS),
                number(RMSE, _gap(model)),
            ]
            for model in analysis.models
        ],
        notes=[
            "Only the first is the RMSE of the tables; papers and tools call each of "
            "them RMSE. All are means over folds and fits.",
            *(f"{v.title}: {v.caution}." for v in VARIANTS if v.caution),
            f"With cold pairs dropped, {n_known:,} of {n_all:,} hidden ratings are "
            f"scored. For {widest.label}, the definitions differ by up to "
            f"{_gap(widest):.4f}.",
        ],
        records=[
            {"model": model.label}
            | {v.name: model.variants[v.name] for v in VARIANTS}
            | {"n_scored": model.n_scored["pooled"], "n_known": model.n_scored["known"]}
            for model in analysis.models
        ],
        gives_way=list(range(len(VARIANTS), 1, -1)),
    )


def _gap(model: ModelAnalysis) -> float:
    known = [value for value in model.variants.values() if value is not None]
    return max(known) - min(known)


def intervals(analysis: Analysis) -> Section:
    """Return each model's metrics with intervals, and the spreads of the headline."""
    metric, n_folds = analysis.headline, len(analysis.stage.folds)
    every = {
        "±seeds": [model.spread.seed_deviation for model in analysis.models],
        "±folds": [model.spread.fold_deviation for model in analysis.models],
    }
    # Shown only if there are several fits or folds.
    spreads = {name: found for name, found in every.items() if any(map(_known, found))}
    n_figures = len(analysis.metrics) + len(spreads)
    return Section(
        name="intervals",
        title="How sure each figure is",
        headings=["model", "group", *map(heading, analysis.metrics), *spreads],
        cells=[
            [
                marked(model.label, analysis.asked_again.get(model.label)),
                model.group,
                *(_with_interval(model, metric) for metric in analysis.metrics),
                *(number(metric, deviations[n]) for deviations in spreads.values()),
            ]
            for n, model in enumerate(analysis.models)
        ],
        notes=[
            f"In brackets: 95 % intervals for {OVER_USERS}; users are resampled, as "
            f"errors on one user's ratings are correlated. Figures pool the hidden "
            f"ratings of all {n_folds} folds, so they may differ from means over folds "
            f"in the last digit."
            if n_folds > 1
            else f"In brackets: 95 % intervals for {OVER_USERS}; users are resampled, "
            f"as errors on one user's ratings are correlated.",
            f"Models that share a letter do not differ significantly by "
            f"{metric.title}. ±seeds is the standard deviation over fits on one fold; "
            f"±folds is that over folds, without the seeds' part. Neither is shown if "
            f"there was only one.",
            *_about_unknown(analysis),
        ],
        records=[
            {
                "model": model.label,
                "group": model.group,
                **_estimates(model),
                "estimand": OVER_USERS,
                "asked_again": verdict(analysis.asked_again.get(model.label)),
                "seed_deviation": model.spread.seed_deviation,
                "fold_deviation": model.spread.fold_deviation,
            }
            for model in analysis.models
        ],
        gives_way=[
            place
            for place in range(1 + n_figures, 1, -1)
            if place != 2 + analysis.metrics.index(metric)
        ],
        n_words=2,
    )


def _with_interval(model: ModelAnalysis, metric: Metric) -> str:
    found = model.estimates.get(metric.name)
    if found is None:
        return MISSING
    text = partial(number, metric)
    return f"{text(found.value)} {bounds(found.interval, text)}"


def _about_unknown(analysis: Analysis) -> list[str]:
    if not analysis.unknown:
        return []
    return [
        f"Without intervals, as the installed version differs or is missing: "
        f"{', '.join(analysis.unknown)}."
    ]


def _known(value: float | None) -> bool:
    return value is not None


def _estimates(model: ModelAnalysis) -> Record:
    record: Record = {}
    for metric, found in model.estimates.items():
        record[f"pooled_{metric}"] = found.value
        record |= ends(f"pooled_{metric}", found.interval)
    return record

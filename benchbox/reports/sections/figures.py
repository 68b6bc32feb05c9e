"""Figures: each model's by every definition, and how sure they are."""

from collections.abc import Callable

from benchbox.analysis import OVER_USERS, Analysis, ModelAnalysis
from benchbox.metrics import READINGS
from benchbox.reports.columns import MISSING
from benchbox.reports.sections.section import (
    Record,
    Section,
    bounds,
    ends,
    percent,
    score,
)


def definitions(analysis: Analysis) -> Section:
    """Return each model's RMSE by every definition in use, side by side."""
    first = analysis.models[0]
    n_all, n_known = first.n_read["pooled"], first.n_read["known"]
    widest = max(analysis.models, key=_gap)
    return Section(
        name="definitions",
        title="One set of predictions, read by every definition of RMSE in use",
        headings=["model", *(r.title for r in READINGS), "apart"],
        cells=[
            [
                model.label,
                *(score(model.readings[r.name]) for r in READINGS),
                score(_gap(model)),
            ]
            for model in analysis.models
        ],
        notes=[
            "Only the first is the RMSE of the tables; elsewhere each of them is "
            "printed as RMSE. All are means over folds and fits.",
            *(f"{r.title}: {r.caution}." for r in READINGS if r.caution),
            f"With cold pairs dropped, {n_known:,} of {n_all:,} hidden ratings are "
            f"scored. For {widest.label} the definitions are {_gap(widest):.4f} apart.",
        ],
        records=[
            {"model": model.label}
            | {r.name: model.readings[r.name] for r in READINGS}
            | {"n_scored": model.n_read["pooled"], "n_known": model.n_read["known"]}
            for model in analysis.models
        ],
    )


def _gap(model: ModelAnalysis) -> float:
    known = [value for value in model.readings.values() if value is not None]
    return max(known) - min(known)


def intervals(analysis: Analysis) -> Section:
    """Return each model's pooled metrics with their intervals and spreads."""
    n_folds = len(analysis.stage.folds)
    kinds: dict[str, tuple[str, Callable[[float], str]]] = {
        "rmse": ("RMSE", score),
        "mae": ("MAE", score),
        "mape": ("MAPE %", percent),
    }

    every = {
        "±seeds": [model.spread.seed_deviation for model in analysis.models],
        "±folds": [model.spread.fold_deviation for model in analysis.models],
    }
    # Shown only where something was fitted twice, or on two folds.
    spreads = {name: found for name, found in every.items() if any(map(_known, found))}

    def of(model: ModelAnalysis, metric: str) -> str:
        found = model.estimates.get(metric)
        if found is None:
            return MISSING
        text = kinds[metric][1]
        return f"{text(found.value)} {bounds(found.interval, text)}"

    return Section(
        name="intervals",
        title="How sure each figure is",
        headings=["model", "group", *(k[0] for k in kinds.values()), *spreads],
        cells=[
            [
                model.label,
                model.group,
                *(of(model, metric) for metric in kinds),
                *(score(deviations[place]) for deviations in spreads.values()),
            ]
            for place, model in enumerate(analysis.models)
        ],
        notes=[
            f"In brackets: 95 % intervals for {OVER_USERS}; users are drawn, as the "
            f"ratings of one user err together. Figures pool the hidden ratings of all "
            f"{n_folds} folds, so they may differ from means over folds in the last "
            f"digit."
            if n_folds > 1
            else f"In brackets: 95 % intervals for {OVER_USERS}; users are drawn, as "
            f"the ratings of one user err together.",
            "Models that share a letter are not told apart by RMSE. ±seeds is the "
            "standard deviation over fits on one fold, ±folds over folds with the "
            "seeds' part taken out; absent where there was but one.",
        ],
        records=[
            {
                "model": model.label,
                "group": model.group,
                **_estimates(model),
                "estimand": OVER_USERS,
                "seed_deviation": model.spread.seed_deviation,
                "fold_deviation": model.spread.fold_deviation,
            }
            for model in analysis.models
        ],
    )


def _known(value: float | None) -> bool:
    return value is not None


def _estimates(model: ModelAnalysis) -> Record:
    record: Record = {}
    for metric, found in model.estimates.items():
        record[f"pooled_{metric}"] = found.value
        record |= ends(f"pooled_{metric}", found.interval)
    return record

"""Errors by popularity, activity and rating value, and calibration by prediction."""

from collections.abc import Iterable, Sequence

from benchbox.analysis import Analysis, ModelAnalysis
from benchbox.metrics import LEVELS, Dimension, Slice
from benchbox.reports.figures.figure import (
    MOST_MODELS,
    Figure,
    Record,
    Spec,
    legend,
    panel,
)
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.numbers import heading

_DIMENSIONS: dict[Dimension, str] = {
    "popularity": "by the item's number of training ratings",
    "activity": "by the user's number of visible ratings",
    "rating": "by hidden rating",
}


def draw(board: Leaderboard, analysis: Analysis | None = None) -> Figure | None:
    """Return the headline metric of the best models in each slice."""
    if analysis is None or not analysis.models:
        return None
    metric, models = analysis.headline, analysis.models[:MOST_MODELS]
    labels = [model.label for model in models]
    value: Spec = {
        "field": "value",
        "type": "quantitative",
        "title": heading(metric),
        "scale": {"zero": False},
    }
    panels = [
        _lines(
            title,
            _records(models, name, metric.name),
            value,
            labels,
        )
        for name, title in _DIMENSIONS.items()
    ]
    return Figure(
        name="slices",
        title="Where models err",
        caption=(
            f"{metric.title} {_joined(_DIMENSIONS.values())}. Quarters split users or "
            f"items into four groups, the 1st with the fewest ratings; “new” ones have "
            f"none.{_about_the_rest(analysis)}"
        ),
        panels=panels,
        columns=2,
    )


def calibration(board: Leaderboard, analysis: Analysis | None = None) -> Figure | None:
    """Return the mean rating against the mean prediction, by prediction."""
    if analysis is None or not analysis.models:
        return None
    models = analysis.models[:MOST_MODELS]
    labels = [model.label for model in models]
    scale = analysis.stage.scale
    rows: list[Record] = [
        {
            "model": model.label,
            "predicted": part.mean_predicted,
            "actual": part.mean_actual,
            "n": part.n,
        }
        for model in models
        for part in model.breakdown.by("prediction")
        if part.n
    ]
    covered = _coverage(models)
    lines = _beside_diagonal(
        {
            "x": _mean("predicted", "mean prediction"),
            "y": _mean("actual", "mean rating"),
        },
        (scale.low, scale.high),
        labels,
        more=("n",),
    )
    return Figure(
        name="calibration",
        title="Calibration",
        caption=(
            "Mean rating against mean prediction, in tenths of the rating scale. On "
            "the dashed line they agree; above it, ratings are higher than predicted."
            f"{_about_the_rest(analysis)}{_ABOUT_LEVELS if covered else ''}"
        ),
        panels=[panel(rows, layer=lines, height=320), *covered],
        columns=1 + len(covered),
    )


_ABOUT_LEVELS = (
    " Second chart, for models that predict distributions: the share of hidden ratings "
    "in each central interval against its nominal share. Below the dashed line, a "
    "model is too sure."
)


def _coverage(models: Sequence[ModelAnalysis]) -> list[Spec]:
    """Return a panel on the predicted distributions, if any model has some."""
    rows: list[Record] = [
        {"model": model.label, "nominal": level, "share": float(share)}
        for model in models
        if model.reliability
        for level, share in zip(LEVELS, model.reliability.coverage, strict=True)
    ]
    if not rows:
        return []
    labels = list(dict.fromkeys(str(row["model"]) for row in rows))
    lines = _beside_diagonal(
        {
            "x": _mean("nominal", "nominal share of the interval"),
            "y": _mean("share", "share of hidden ratings in it"),
        },
        (min(LEVELS), max(LEVELS)),
        labels,
    )
    return [panel(rows, layer=lines)]


def _beside_diagonal(
    place: Spec, ends: Sequence[float], labels: Sequence[str], more: Sequence[str] = ()
) -> list[Spec]:
    """Return a line per model, and the dashed one on which x and y are equal.

    Args:
        place: Encoding of x and y.
        ends: Where the dashed line begins and ends.
        labels: The models.
        more: Further fields to show for a point.
    """
    fields = [place[axis]["field"] for axis in ("x", "y")]
    diagonal: Spec = {
        "data": {"values": [dict.fromkeys(fields, end) for end in ends]},
        "mark": {"type": "line", "strokeDash": [5, 4], "color": "#888888"},
        "encoding": place,
    }
    lines: Spec = {
        "mark": {"type": "line", "point": True},
        "encoding": place
        | {
            "color": legend("model", labels),
            "tooltip": [{"field": "model"}, *_numbers(*fields, *more)],
        },
    }
    return [diagonal, lines]


def _lines(title: str, rows: list[Record], value: Spec, labels: Sequence[str]) -> Spec:
    order = list(dict.fromkeys(str(row["slice"]) for row in rows))
    return panel(
        rows,
        title=title,
        mark={"type": "line", "point": True},
        encoding={
            "x": {
                "field": "slice",
                "type": "ordinal",
                "sort": order,
                "title": None,
                "axis": {"labelAngle": 0, "labelOverlap": True, "grid": False},
            },
            "y": value,
            "color": legend("model", labels),
            "tooltip": [
                {"field": "model"},
                {"field": "slice"},
                *_numbers("value", "n"),
            ],
        },
    )


def _records(
    models: Sequence[ModelAnalysis], dimension: Dimension, metric: str
) -> list[Record]:
    return [
        {
            "model": model.label,
            "slice": part.name.removesuffix(" quarter"),
            "value": part.values.get(metric),
            "n": part.n,
        }
        for model in models
        for part in _filled(model.breakdown.by(dimension))
    ]


def _filled(parts: Sequence[Slice]) -> list[Slice]:
    return [part for part in parts if part.n]


def _mean(field: str, title: str) -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"zero": False},
        "axis": {"tickCount": 6},
    }


def _numbers(*fields: str) -> list[Spec]:
    return [
        {"field": field, "format": ",.0f" if field == "n" else ".4f"}
        for field in fields
    ]


def _joined(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}"


def _about_the_rest(analysis: Analysis) -> str:
    n = len(analysis.models)
    return f" Only the best {MOST_MODELS} of {n} models." if n > MOST_MODELS else ""

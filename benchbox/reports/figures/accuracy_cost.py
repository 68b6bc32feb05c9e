"""Accuracy against cost, with the front: no other model is better and faster."""

from collections.abc import Collection, Mapping, Sequence
from math import log

from benchbox.analysis import Analysis
from benchbox.metrics import RMSE
from benchbox.records import MetricRecord
from benchbox.reports.figures.figure import (
    ACCENT,
    LABEL_WIDTH,
    SECOND,
    Figure,
    Record,
    Spec,
    panel,
)
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.numbers import heading, score
from benchbox.reports.rows import Row

_MIDDLE = 0.5

_LETTER, _LINE = 1 / 45, 1 / 15
"""Width of a letter and height of a line, as shares of a chart on a narrow page."""

_MOST_WIDTH = 0.45
"""Of a label; longer ones are cut."""

Box = tuple[float, float, float]
"""Start, end and height of a name, as shares of a chart."""


def draw(board: Leaderboard, analysis: Analysis | None = None) -> Figure | None:
    """Return each model's headline metric against its seconds to predictions."""
    metric = board.metrics[0]
    rows = [
        row
        for row in board.rows
        if metric.name in row.summaries and row.total_seconds and not row.is_contended
    ]
    if not rows:
        return None
    levels = _levels(board, metric)
    data = _records(metric, rows, levels)
    return Figure(
        name="pareto",
        title="Accuracy and cost",
        caption=(
            f"{metric.title} of each model against its seconds from data to "
            f"predictions. The line joins the models that no other beats in both. "
            f"Vertical bars: ± the standard deviation over folds. Where names would "
            f"overlap, some are left out; point at a model to see its name."
        ),
        panels=[
            panel(
                data,
                height=320,
                layer=[
                    *_lines(metric, levels),
                    *_spreads(metric),
                    *_points(metric, {str(row["side"]) for row in data}),
                ],
            )
        ],
    )


def _records(
    metric: MetricRecord, rows: Sequence[Row], levels: Mapping[str, float]
) -> list[Record]:
    places, names = _places(metric, rows, levels)
    sides = _without_overlaps(rows, places, names)
    records: list[Record] = []
    for number, row in enumerate(rows):
        summary = row.summaries[metric.name]
        spread = summary.fold_deviation or 0.0
        records.append(
            {
                "model": row.label,
                "seconds": row.total_seconds,
                "score": summary.mean,
                "low": summary.mean - spread,
                "high": summary.mean + spread,
                "front": "on the front" if row.is_on_front else "not on the front",
                "told": str(row.asks_times),
                "side": sides.get(number, "right"),
                "label": row.label if number in sides else "",
            }
        )
    return records


def _places(
    metric: MetricRecord, rows: Sequence[Row], levels: Mapping[str, float]
) -> tuple[list[tuple[float, float]], list[Box]]:
    """Return where points and the names of lines are, as shares of width and height."""
    costs = [log(row.total_seconds or 1) for row in rows]
    scores = [row.summaries[metric.name].mean for row in rows]
    heights = _shares([*scores, *levels.values()])
    of_rows, of_levels = heights[: len(rows)], heights[len(rows) :]
    names = [
        (1 - _LETTER * len(label), 1.0, height + _LINE / 2)
        for label, height in zip(levels, of_levels, strict=True)
    ]
    return list(zip(_shares(costs), of_rows, strict=True)), names


def _shares(values: Sequence[float]) -> list[float]:
    low, reach = min(values), max(values) - min(values)
    return [(value - low) / reach if reach else 0.0 for value in values]


def _without_overlaps(
    rows: Sequence[Row], places: Sequence[tuple[float, float]], names: Sequence[Box]
) -> dict[int, str]:
    """Return on which side of its point a label fits, by the number of the point.

    Points on the front come first. Labels that fit on neither side, or that would cover
    the names of lines, are left out.
    """
    taken = [*names]
    chosen: dict[int, str] = {}
    order = sorted(range(len(rows)), key=lambda n: (not rows[n].is_on_front, n))
    for number in order:
        x, y = places[number]
        width = min(_LETTER * len(rows[number].label), _MOST_WIDTH)
        boxes = [("right", x, x + width), ("left", x - width, x)]
        for side, start, end in sorted(boxes, reverse=x <= _MIDDLE):
            is_free = all(
                end < left or right < start or abs(y - height) > _LINE
                for left, right, height in taken
            )
            if start >= 0 and end <= 1 and is_free:
                taken.append((start, end, y))
                chosen[number] = side
                break
    return chosen


def _score(metric: MetricRecord, field: str = "score") -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "title": heading(metric),
        "scale": {"zero": False, "padding": 12},
    }


_SECONDS: Spec = {
    "field": "seconds",
    "type": "quantitative",
    "title": "seconds from data to predictions",
    "scale": {"type": "log", "padding": 24, "nice": False},
    "axis": {"format": "~g", "tickCount": 6, "labelOverlap": True, "grid": False},
}

_ON_FRONT = {"filter": "datum.front == 'on the front'"}


def _levels(board: Leaderboard, metric: MetricRecord) -> dict[str, float]:
    """Return the scores of the bias model and of the noise floor, by name."""
    known = {"bias model": board.reference.get(metric.name)}
    if metric.name == RMSE.name:
        known["noise floor"] = board.stage.noise_floor
    return {
        f"{name} {score(metric, value)}": value
        for name, value in known.items()
        if value is not None
    }


def _lines(metric: MetricRecord, levels: Mapping[str, float]) -> list[Spec]:
    """Return the front, the bias model and the noise floor as lines."""
    front: Spec = {
        "transform": [_ON_FRONT],
        "mark": {"type": "line", "interpolate": "linear", "color": ACCENT},
        "encoding": {
            "x": _SECONDS,
            "y": _score(metric),
            "order": {"field": "seconds"},
            "detail": {"field": "told", "type": "nominal"},
        },
    }
    values = [{"score": value, "label": label} for label, value in levels.items()]
    across: Spec = {
        "data": {"values": values},
        "mark": {"type": "rule", "strokeDash": [5, 4], "opacity": 0.6},
        "encoding": {"y": _score(metric)},
    }
    names: Spec = {
        "data": {"values": values},
        "mark": {"type": "text", "align": "right", "dx": -4, "dy": -7, "opacity": 0.8},
        "encoding": {
            "x": {"value": "width"},
            "y": _score(metric),
            "text": {"field": "label"},
        },
    }
    return [across, names, front] if levels else [front]


def _spreads(metric: MetricRecord) -> list[Spec]:
    return [
        {
            "mark": {"type": "rule", "opacity": 0.5},
            "encoding": {
                "x": _SECONDS,
                "y": _score(metric, "low"),
                "y2": {"field": "high"},
            },
        }
    ]


def _points(metric: MetricRecord, sides: Collection[str]) -> list[Spec]:
    place = {"x": _SECONDS, "y": _score(metric)}
    dots: Spec = {
        "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
        "encoding": place
        | {
            "color": {
                "field": "front",
                "type": "nominal",
                "scale": {
                    "domain": ["on the front", "not on the front"],
                    "range": [ACCENT, SECOND],
                },
                "legend": {"orient": "bottom", "title": None},
            },
            "tooltip": [
                {"field": "model"},
                {"field": "score", "title": metric.title, "format": ".4f"},
                {"field": "seconds", "format": ".3~g"},
                {"field": "front", "title": "accuracy and cost"},
            ],
        },
    }
    # A layer without any row would make Vega warn.
    aligned = (("right", "left", 8), ("left", "right", -8))
    texts: list[Spec] = [
        {
            "transform": [{"filter": f"datum.side == '{side}'"}],
            "mark": {
                "type": "text",
                "align": align,
                "dx": dx,
                "dy": -9,
                "limit": LABEL_WIDTH,
            },
            "encoding": place | {"text": {"field": "label"}},
        }
        for side, align, dx in aligned
        if side in sides
    ]
    return [dots, *texts]

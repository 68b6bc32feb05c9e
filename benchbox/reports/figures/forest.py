"""Paired differences to the best model, with their intervals, as a forest plot."""

from collections.abc import Iterator

from benchbox.analysis import Analysis, Interval
from benchbox.reports.figures.figure import (
    Figure,
    Record,
    Spec,
    bars,
    legend,
    models_axis,
    panel,
)
from benchbox.reports.leaderboard import Leaderboard

_FOLDS, _USERS = "over folds", "over users"


def draw(board: Leaderboard, analysis: Analysis | None = None) -> Figure | None:
    """Return the difference of each model to the best, where it has an interval."""
    rows = [*_over_folds(board), *_over_users(board, analysis)]
    if not rows:
        return None
    labels = list(dict.fromkeys(str(row["model"]) for row in rows))
    kinds = [kind for kind in (_FOLDS, _USERS) if any(r["kind"] == kind for r in rows)]
    metric = board.metrics[0]
    return Figure(
        name="forest",
        title="How far behind the best",
        caption=(
            f"{metric.title} of each model minus that of the best, on the same hidden "
            f"ratings, with 95 % intervals. An interval that includes 0 (the dashed "
            f"line) is no significant difference. Over folds: it includes refits, and "
            f"is corrected for the number of models. Over users: for these fits."
        ),
        panels=[
            panel(
                rows,
                height=bars(len(labels) * len(kinds)),
                layer=_layers(labels, kinds, f"difference of {metric.title}"),
            )
        ],
    )


def _over_folds(board: Leaderboard) -> Iterator[Record]:
    metric = board.metrics[0].name
    ranked = [row for row in board.rows if metric in row.summaries]
    # The best of each kind: some models are told more than others.
    best = {row.asks_times: row.summaries[metric].mean for row in reversed(ranked)}
    for row in ranked:
        if row.behind is not None:
            value = row.summaries[metric].mean - best[row.asks_times]
            yield _record(row.label, _FOLDS, value, row.behind)


def _over_users(board: Leaderboard, analysis: Analysis | None) -> Iterator[Record]:
    bests = {row.label for row in board.rows if row.mark == "best"}
    for pair in analysis.pairs if analysis is not None else []:
        found, difference = pair.effect.interval, pair.effect.difference
        if found is None:
            continue
        if pair.first in bests:
            mirrored = Interval(-found.high, -found.low)
            yield _record(pair.second, _USERS, -difference, mirrored)
        elif pair.second in bests:
            # Pooled over folds, another model may be ahead.
            yield _record(pair.first, _USERS, difference, found)


def _record(label: str, kind: str, value: float, interval: Interval) -> Record:
    return {
        "model": label,
        "kind": kind,
        "value": value,
        "low": interval.low,
        "high": interval.high,
    }


def _layers(labels: list[str], kinds: list[str], title: str) -> list[Spec]:
    row: Spec = {
        "y": models_axis(labels),
        "yOffset": {"field": "kind", "sort": kinds},
        "color": legend("kind", kinds),
    }

    def across(field: str) -> Spec:
        return {"field": field, "type": "quantitative", "title": title}

    return [
        {
            "data": {"values": [{"value": 0}]},
            "mark": {"type": "rule", "strokeDash": [5, 4], "opacity": 0.7},
            "encoding": {"x": across("value")},
        },
        {
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": row | {"x": across("low"), "x2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
            "encoding": row
            | {
                "x": across("value"),
                "tooltip": [
                    {"field": "model"},
                    {"field": "kind", "title": "interval"},
                    *(
                        {"field": name, "format": "+.4f"}
                        for name in ("value", "low", "high")
                    ),
                ],
            },
        },
    ]

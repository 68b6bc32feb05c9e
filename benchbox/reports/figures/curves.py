"""Learning curves: training loss and validation RMSE after each epoch."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from benchbox.analysis import Analysis
from benchbox.models import EpochReport
from benchbox.records import TrialRecord
from benchbox.reports.figures.figure import (
    ACCENT,
    PALETTE,
    Figure,
    Record,
    Spec,
    panel,
)
from benchbox.reports.leaderboard import Leaderboard

_MOST_POINTS = 120
"""Per curve, so that thousands of epochs are no megabytes."""

_SERIES = {"validation RMSE": PALETTE[1], "training loss": ACCENT}


def draw(board: Leaderboard, analysis: Analysis | None = None) -> Figure | None:
    """Return a panel for each model that reported more than one epoch."""
    panels = []
    for row in board.rows:
        curves = [_curve(t) for t in board.trials if _counts(t, row.label)]
        rows = _records([curve for curve in curves if curve])
        # A model that is fitted in one go has a point, and no curve.
        if len({row["epoch"] for row in rows}) > 1:
            panels.append(_panel(row.label, rows))
    if not panels:
        return None
    return Figure(
        name="curves",
        title="Learning curves",
        caption=(
            "Training loss and RMSE on validation ratings after each epoch: the mean "
            "over fits and folds, and the range from the lowest to the highest. The "
            "units of the two axes differ, since a loss may be of any kind."
        ),
        panels=panels,
        columns=2,
    )


def _counts(trial: TrialRecord, label: str) -> bool:
    return trial.status == "ok" and not trial.repeat and trial.label == label


def _curve(trial: TrialRecord) -> list[EpochReport]:
    return trial.curve or trial.refit_curve


def _records(curves: Sequence[Sequence[EpochReport]]) -> list[Record]:
    values: dict[str, dict[int, list[float]]] = {
        name: defaultdict(list) for name in _SERIES
    }
    for curve in curves:
        for report in curve:
            if report.validation_rmse is not None:
                values["validation RMSE"][report.epoch].append(report.validation_rmse)
            if report.loss is not None:
                values["training loss"][report.epoch].append(report.loss)
    return [
        {
            "series": name,
            "epoch": epoch,
            "mean": _rounded(fmean(found)),
            "low": _rounded(min(found)),
            "high": _rounded(max(found)),
        }
        for name, by_epoch in values.items()
        for epoch in _thinned(sorted(by_epoch))
        if (found := by_epoch[epoch])
    ]


def _rounded(value: float) -> float:
    """Return a value with the digits a chart can show."""
    return float(f"{value:.5g}")


def _thinned(epochs: Sequence[int]) -> Sequence[int]:
    """Return the first, the last, and evenly spaced epochs between them."""
    n = len(epochs)
    if n <= _MOST_POINTS:
        return epochs
    places = {round(k * (n - 1) / (_MOST_POINTS - 1)) for k in range(_MOST_POINTS)}
    return [epochs[place] for place in sorted(places)]


def _panel(label: str, rows: Sequence[Record]) -> Spec:
    names = [name for name in _SERIES if any(row["series"] == name for row in rows)]
    return panel(
        rows,
        title=label,
        height=200,
        layer=[_series(name, _SERIES[name]) for name in names],
        resolve={"scale": {"y": "independent"}},
    )


def _series(name: str, color: str) -> Spec:
    epoch: Spec = {
        "field": "epoch",
        "type": "quantitative",
        "scale": {"zero": False},
        "axis": {"tickMinStep": 1, "format": "d", "grid": False},
    }
    value: Spec = {
        "type": "quantitative",
        "scale": {"zero": False},
        "axis": {
            "title": name,
            "titleColor": color,
            "labelColor": color,
            "format": "~g",
            "tickCount": 5,
            "orient": "left" if name == "validation RMSE" else "right",
            "grid": name == "validation RMSE",
        },
    }
    return {
        "transform": [{"filter": {"field": "series", "equal": name}}],
        "layer": [
            {
                "mark": {"type": "area", "opacity": 0.2, "color": color},
                "encoding": {
                    "x": epoch,
                    "y": {"field": "low", **value},
                    "y2": {"field": "high"},
                },
            },
            {
                "mark": {"type": "line", "color": color},
                "encoding": {
                    "x": epoch,
                    "y": {"field": "mean", **value},
                    "tooltip": [
                        {"field": "epoch"},
                        {"field": "mean", "title": name, "format": ".4f"},
                    ],
                },
            },
        ],
    }

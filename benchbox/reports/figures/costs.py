"""Where time and memory go: phases of a trial, and peak memory, for each model."""

from statistics import median

from benchbox.analysis import Analysis
from benchbox.records import TrialRecord
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
from benchbox.reports.rows import best_timed

_NOT_OF_MODELS = ("latency", "score")
"""Phases that benchbox spends on measurements."""

_BEFORE, _OF_MODEL, _ON_DEVICE = "libraries", "model and data", "accelerator"


def phases(board: Leaderboard, analysis: Analysis | None = None) -> Figure | None:
    """Return the seconds of each phase, stacked, and their shares."""
    trials = _by_model(board)
    timed = {label: best_timed(own) for label, own in trials.items()}
    names = dict.fromkeys(
        phase
        for own in timed.values()
        for trial in own
        for phase in trial.wall_seconds
        if phase not in _NOT_OF_MODELS
    )
    rows: list[Record] = [
        {
            "model": label,
            "phase": phase,
            "place": place,
            "seconds": median(trial.wall_seconds.get(phase, 0.0) for trial in own),
        }
        for label, own in timed.items()
        for place, phase in enumerate(names)
    ]
    if not rows:
        return None
    return Figure(
        name="phases",
        title="Where time goes",
        caption=(
            "Wall-clock seconds of each phase of a trial, medians over trials; then "
            "the same as shares of the model's time."
            + " Trials ran at the same time, which makes them slower."
            * any(row.is_contended for row in board.rows)
        ),
        panels=[
            _stacked(rows, list(trials), "phase", list(names), "seconds"),
            _stacked(
                rows, list(trials), "phase", list(names), "seconds", stack="normalize"
            ),
        ],
        columns=2,
    )


def memory(board: Leaderboard, analysis: Analysis | None = None) -> Figure | None:
    """Return peak memory, split into that of the process and that of the model."""
    rows: list[Record] = []
    trials = _by_model(board)
    for label, own in trials.items():
        peak = max((t.peak_memory_bytes or 0 for t in own), default=0)
        idle = max((t.idle_memory_bytes or 0 for t in own), default=0)
        device = max((t.peak_accelerator_bytes or 0 for t in own), default=0)
        parts = {_BEFORE: min(idle, peak), _OF_MODEL: max(0, peak - idle)}
        parts |= {_ON_DEVICE: device} if device else {}
        rows += [
            {"model": label, "part": name, "place": place, "MiB": n_bytes / 2**20}
            for place, (name, n_bytes) in enumerate(parts.items())
            if peak
        ]
    if not rows:
        return None
    order = [n for n in (_BEFORE, _OF_MODEL, _ON_DEVICE) if _has(rows, n)]
    return Figure(
        name="memory",
        title="Memory",
        caption=(
            "Peak resident memory of a trial's process, largest over trials: what the "
            "process with its libraries held before the model was loaded, and what "
            "model and data added. Memory of an accelerator is its own."
        ),
        panels=[_stacked(rows, list(trials), "part", order, "MiB")],
    )


def _by_model(board: Leaderboard) -> dict[str, list[TrialRecord]]:
    """Return the successful trials of each model, in the order of the table.

    There are none if they ran on several machines: their costs do not compare.
    """
    if board.machines:
        return {}
    good = [trial for trial in board.trials if trial.status == "ok"]
    found = {r.label: [t for t in good if t.label == r.label] for r in board.rows}
    return {label: own for label, own in found.items() if own}


def _has(rows: list[Record], part: str) -> bool:
    return any(row["part"] == part for row in rows)


def _stacked(
    rows: list[Record],
    labels: list[str],
    part: str,
    order: list[str],
    amount: str,
    stack: str = "zero",
) -> Spec:
    is_share = stack == "normalize"
    axis: Spec = {"format": "%"} if is_share else {"tickCount": 5}
    title = "share of the model's time" if is_share else amount
    return panel(
        rows,
        height=bars(len(labels)),
        mark={"type": "bar"},
        encoding={
            "y": models_axis(labels),
            "x": {
                "field": amount,
                "type": "quantitative",
                "stack": stack,
                "title": title,
                "axis": axis,
            },
            "color": legend(part, order),
            "order": {"field": "place"},
            "tooltip": [
                {"field": "model"},
                {"field": part},
                {"field": amount, "format": ",.3~f"},
            ],
        },
    )

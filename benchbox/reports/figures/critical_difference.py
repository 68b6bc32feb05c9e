"""The critical-difference diagram: mean ranks of models over data sets."""

from collections.abc import Sequence
from itertools import pairwise

from benchbox.analysis import Ranking
from benchbox.reports.figures.figure import (
    LABEL_WIDTH,
    PALETTE,
    Figure,
    Record,
    Spec,
    panel,
)
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.rankings import ranked_over_datasets

_LEAST_DATASETS = 3
"""With fewer, Nemenyi's test can hardly find any difference."""

_STEP = 22
"""Pixels between two labels."""


def draw(boards: Sequence[Leaderboard]) -> Figure | None:
    """Return the diagram of all data sets, if there are enough of them and of models.

    It follows Demšar (2006, https://jmlr.org/papers/v7/demsar06a.html).
    """
    found = ranked_over_datasets(boards)
    if found is None or found.ranking.n_datasets < _LEAST_DATASETS:
        return None
    ranking, labels = found.ranking, found.labels
    order = sorted(range(len(labels)), key=lambda place: ranking.mean_ranks[place])
    ranks = [ranking.mean_ranks[place] for place in order]
    names = [labels[place] for place in order]
    bars = _cliques(ranking, order, ranks)
    height = _STEP * ((len(names) + 1) // 2 + 1 + len(bars))
    return Figure(
        name="cd",
        title=f"Ranks over {ranking.n_datasets} data sets",
        caption=(
            f"Mean rank of each model by {boards[0].metrics[0].title}; 1 is best. "
            f"Models under one thick bar do not differ significantly (Friedman p "
            f"{ranking.p_value:.3f}; Nemenyi's critical difference "
            f"{ranking.critical_difference:.2f})."
        ),
        panels=[_panel(names, ranks, bars, height)],
    )


def _cliques(
    ranking: Ranking, order: Sequence[int], ranks: Sequence[float]
) -> list[tuple[float, float]]:
    """Return the ends of each longest row of models that do not differ."""
    n, different = len(order), ranking.different

    def differ(a: int, b: int) -> bool:
        pair = sorted((order[a], order[b]))
        return (pair[0], pair[1]) in different

    ends = [max(b for b in range(a, n) if not differ(a, b)) for a in range(n)]
    # A row that lies within the row before it says nothing new.
    firsts = [0, *(b for a, b in pairwise(range(n)) if ends[b] > ends[a])]
    return [(ranks[a], ranks[ends[a]]) for a in firsts if ends[a] > a]


def _panel(
    names: Sequence[str],
    ranks: Sequence[float],
    bars: Sequence[tuple[float, float]],
    height: int,
) -> Spec:
    n = len(names)
    half = (n + 1) // 2
    low, high = 0.6, n + 0.4
    top = len(bars) + 1
    rows: list[Record] = [
        {
            "model": name,
            "rank": rank,
            "level": top + (place if place < half else n - 1 - place),
            "edge": low if place < half else high,
            "side": "left" if place < half else "right",
            "text": f"{name}  {rank:.2f}",
        }
        for place, (name, rank) in enumerate(zip(names, ranks, strict=True))
    ]
    thick = [
        {"level": k + 0.6, "from": a - 0.04, "to": b + 0.04}
        for k, (a, b) in enumerate(bars)
    ]
    levels = [0, top + half]
    x: Spec = {
        "field": "rank",
        "type": "quantitative",
        "title": "mean rank",
        "scale": {"domain": [low, high], "nice": False, "zero": False},
        "axis": {
            "orient": "top",
            "values": list(range(1, n + 1)),
            "format": "d",
            "grid": False,
        },
    }

    def y(field: str) -> Spec:
        scale = {"domain": levels, "reverse": True, "nice": False}
        return {"field": field, "type": "quantitative", "axis": None, "scale": scale}

    thin = {"type": "rule", "opacity": 0.6}
    return panel(
        rows,
        height=height,
        layer=[
            {
                "transform": [{"calculate": "0", "as": "zero"}],
                "mark": thin,
                "encoding": {"x": x, "y": y("zero"), "y2": {"field": "level"}},
            },
            {
                "mark": thin,
                "encoding": {"x": x, "x2": {"field": "edge"}, "y": y("level")},
            },
            {
                "data": {"values": thick},
                "mark": {"type": "rule", "strokeWidth": 5, "color": PALETTE[1]},
                "encoding": {
                    "x": x | {"field": "from"},
                    "x2": {"field": "to"},
                    "y": y("level"),
                },
            },
            *(_texts(x, y("level"), side) for side in ("left", "right")),
        ],
    )


def _texts(x: Spec, y: Spec, side: str) -> Spec:
    return {
        "transform": [{"filter": f"datum.side == '{side}'"}],
        "mark": {"type": "text", "align": side, "dy": -7, "limit": LABEL_WIDTH + 40},
        "encoding": {
            "x": x | {"field": "edge"},
            "y": y,
            "text": {"field": "text"},
            "tooltip": [{"field": "model"}, {"field": "rank", "format": ".2f"}],
        },
    }

"""Ranks the models of several tables over data sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchbox.analysis import Ranking, rank
from benchbox.options import spell
from benchbox.reports.leaderboard import Leaderboard

_LEAST_DATASETS, _LEAST_MODELS = 2, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Ranks of models over data sets.

    Attributes:
        labels: Models that have a score on each data set.
        ranking: Their ranks, in this order.
        scores: Score of each model by data set.
    """

    labels: list[str]
    ranking: Ranking
    scores: Mapping[str, Mapping[str, float]]


def ranked(
    scores: Mapping[str, Mapping[str, float]], *, higher_is_better: bool
) -> Ranked | None:
    """Return ranks over data sets; `None` if there are too few of them or of models.

    Args:
        scores: Score of each model by data set.
        higher_is_better: Direction of the metric.
    """
    shared = [
        label
        for label in next(iter(scores.values()), {})
        if all(label in own for own in scores.values())
    ]
    if len(scores) < _LEAST_DATASETS or len(shared) < _LEAST_MODELS:
        return None
    values = np.array([[own[label] for label in shared] for own in scores.values()])
    ranking = rank(-values if higher_is_better else values)
    return Ranked(labels=shared, ranking=ranking, scores=scores)


def ranked_over_datasets(boards: Sequence[Leaderboard]) -> Ranked | None:
    """Return ranks by the tables' headline metric.

    Each data set counts once, under its first protocol that measures prediction.
    """
    found: dict[str, dict[str, float]] = {}
    for board in boards:
        metric, stage = board.metrics[0].name, board.stage
        if not stage.flaw:
            scores = {
                row.label: row.summaries[metric].mean
                for row in board.rows
                if metric in row.summaries
            }
            found.setdefault(spell(stage.dataset, stage.dataset_options), scores)
    if not boards:
        return None
    return ranked(found, higher_is_better=boards[0].metrics[0].higher_is_better)

"""Ranking: which models win over several data sets."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from benchbox.analysis import REFERENCE, Analysis, Ranking, rank
from benchbox.options import spell
from benchbox.reports.sections.section import Section, p_value_of, score


def ranks(analyses: Sequence[Analysis]) -> list[Section]:
    """Return the ranks of models over data sets, if there is enough to rank.

    Data sets count once each, under the first protocol that measures prediction.
    """
    boards: dict[str, dict[str, float]] = {}
    for analysis in analyses:
        name = spell(analysis.stage.dataset, analysis.stage.dataset_options)
        if not analysis.stage.flaw:
            own = {m.label: m.by_fold for m in analysis.models if m.label != REFERENCE}
            boards.setdefault(name, {label: fmean(f) for label, f in own.items()})
    shared = [
        label
        for label in next(iter(boards.values()), {})
        if all(label in board for board in boards.values())
    ]
    if len(boards) < 2 or len(shared) < 3:
        return []
    scores = np.array([[board[label] for label in shared] for board in boards.values()])
    ranking = rank(scores)
    order = sorted(range(len(shared)), key=lambda place: ranking.mean_ranks[place])
    return [
        Section(
            name="ranks",
            title=f"Ranks over {len(boards)} data sets",
            headings=["model", "mean rank", *boards],
            cells=[
                [
                    shared[place],
                    f"{ranking.mean_ranks[place]:.2f}",
                    *(score(board[shared[place]]) for board in boards.values()),
                ]
                for place in order
            ],
            notes=[
                f"Beside the mean rank stand the RMSE, means over folds. Friedman test "
                f"that all models rank alike: p {p_value_of(ranking.p_value)}. Two "
                f"models are told apart if their mean ranks differ by more than "
                f"{ranking.critical_difference:.2f} (Nemenyi); "
                f"{_told(ranking, shared)}."
            ],
            records=[
                {
                    "model": shared[place],
                    "mean_rank": ranking.mean_ranks[place],
                    "p_friedman": ranking.p_value,
                    "critical_difference": ranking.critical_difference,
                }
                for place in order
            ],
        )
    ]


def _told(ranking: Ranking, labels: list[str]) -> str:
    pairs = [f"{labels[a]} and {labels[b]}" for a, b in sorted(ranking.told_apart)]
    return f"so far apart are {', '.join(pairs)}" if pairs else "none are so far apart"

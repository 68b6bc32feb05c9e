"""The section that ranks models over several data sets."""

from collections.abc import Sequence
from statistics import fmean

from benchbox.analysis import REFERENCE, Analysis, Ranking
from benchbox.options import spell
from benchbox.reports.numbers import number
from benchbox.reports.rankings import ranked
from benchbox.reports.sections.section import Section, p_value_of


def ranks(analyses: Sequence[Analysis]) -> list[Section]:
    """Return the ranks of models over data sets, if there are enough of both.

    Each data set counts once, under its first protocol that measures prediction.
    Models that are told when each question is asked have ranks of their own, unless
    they are compared with the others.
    """
    if not analyses or analyses[0].across_kinds:
        return _ranks(analyses, (False, True))
    return [*_ranks(analyses, (False,)), *_ranks(analyses, (True,))]


def _ranks(analyses: Sequence[Analysis], kinds: tuple[bool, ...]) -> list[Section]:
    """Return the ranks of the models whose `asks_times` is one of *kinds*."""
    boards: dict[str, dict[str, float]] = {}
    for analysis in analyses:
        name = spell(analysis.stage.dataset, analysis.stage.dataset_options)
        if not analysis.stage.flaw:
            own = {
                m.label: m.by_fold
                for m in analysis.models
                if m.label != REFERENCE and m.asks_times in kinds
            }
            boards.setdefault(name, {label: fmean(f) for label, f in own.items()})
    if not analyses:
        return []
    metric = analyses[0].headline
    found = ranked(boards, higher_is_better=metric.higher_is_better)
    if found is None:
        return []
    shared, ranking = found.labels, found.ranking
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
                    *(
                        number(metric, board[shared[place]])
                        for board in boards.values()
                    ),
                ]
                for place in order
            ],
            notes=[
                f"The other columns show {metric.title}, means over folds. Friedman "
                f"test of equal ranks: p {p_value_of(ranking.p_value)}. Two models "
                f"differ significantly if their mean ranks differ by more than "
                f"{ranking.critical_difference:.2f} (Nemenyi): "
                f"{_different(ranking, shared)}."
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
            gives_way=list(range(1 + len(boards), 1, -1)),
        )
    ]


def _different(ranking: Ranking, labels: list[str]) -> str:
    pairs = [f"{labels[a]} and {labels[b]}" for a, b in sorted(ranking.different)]
    return ", ".join(pairs) if pairs else "no two models do"

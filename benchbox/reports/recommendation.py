"""Says in two or three sentences what a table recommends, and how sure that is."""

from collections.abc import Sequence
from statistics import fmean

from benchbox.analysis import Analysis, Pair, folds_needed
from benchbox.errors import counted
from benchbox.records import MetricRecord
from benchbox.reports.columns import EXACT, LEAK, WORSE
from benchbox.reports.leaderboard import Leaderboard
from benchbox.reports.numbers import score, seconds
from benchbox.reports.other_pairs import depends
from benchbox.reports.rows import Row

_CLOSE = 0.01
"""Share of the best score within which a cheaper model is worth a look."""

_CHEAPER = 1.25
"""How many times faster a model must be, since single timings vary by tens of per cent.
"""

_MOST_NAMES = 3


def recommendation(board: Leaderboard, analysis: Analysis | None = None) -> list[str]:
    """Return what to use, what is cheaper, and what would settle an open question.

    The sentences follow the marks of the table and are never surer than they are.

    Args:
        board: The table.
        analysis: Statistics over users; only needed where there is a single fold,
            which gives the table no marks.

    Returns:
        One to four sentences.
    """
    if board.stage.flaw:
        return ["These figures do not measure prediction, so they recommend no model."]
    metric = board.metrics[0]
    ranked = [row for row in board.rows if metric.name in row.summaries]
    if not ranked:
        return ["No model has a score on every fold, so there is nothing to recommend."]
    if leaks := [row.label for row in ranked if row.flag in (LEAK, EXACT)]:
        verb = "predicts" if len(leaks) == 1 else "predict"
        return [f"{_named(leaks)} {verb} better than should be possible.", _EXPLAIN]
    # Those that are told more are no rivals of the others.
    kinds = [
        [row for row in ranked if row.asks_times == told] for told in (False, True)
    ]
    dependent = [row.label for row in ranked if depends(row.asked_again)]
    said = []
    if dependent:
        said.append(
            f"Predictions of {_named(dependent)} depend on which other pairs are "
            f"asked for."
        )
        if any(kind and depends(kind[0].asked_again) for kind in kinds):
            return [*said, _EXPLAIN]
        said.append("What follows leaves them out." if dependent[1:] else _LEFT_OUT)
    for told, kind in zip((False, True), kinds, strict=True):
        if sound := [row for row in kind if not depends(row.asked_again)]:
            said += [_TOLD] if told else []
            said += _of_kind(board, sound, analysis)
    return [*said, *_about_the_unranked(board, ranked)]


_TOLD = "Of the models that are told when each question is asked:"
_EXPLAIN = "Explain that before you choose any model by this table."
_LEFT_OUT = "What follows leaves it out."


def _of_kind(
    board: Leaderboard, kind: Sequence[Row], analysis: Analysis | None
) -> list[str]:
    best, *others = kind
    said = [
        _most_accurate(board, best, others, analysis),
        *_none_beats_bias(board, kind),
    ]
    if others:
        said += _cheapest(board.metrics[0], best, others, analysis)
        said += _what_would_settle(board, best, others, analysis)
    return said


def _most_accurate(
    board: Leaderboard, best: Row, others: Sequence[Row], analysis: Analysis | None
) -> str:
    metric = board.metrics[0]
    value = score(metric, best.summaries[metric.name].mean)
    if not others:
        return (
            f"Only {best.label} has a score on every fold ({metric.title} {value}), so "
            f"there is no other model to compare it with."
        )
    tied = _tied(best, others, analysis)
    if tied is None:
        return (
            f"{best.label} has the best {metric.title} on the only fold ({value}); "
            f"whether it is really the most accurate, one fold does not show."
        )
    if not tied:
        all_of_them = {1: others[0].label, 2: "both others"}
        rivals = all_of_them.get(len(others), f"all {len(others)} others")
        return (
            f"{best.label} is the most accurate ({metric.title} {value}), "
            f"significantly better than {rivals}{_by_users(board)}."
        )
    if len(tied) == len(others) > 1:
        return (
            f"No model is significantly better than the others{_by_users(board)}; "
            f"{best.label} has the best {metric.title} ({value})."
        )
    verb = "is" if len(tied) == 1 else "are"
    return (
        f"{best.label} has the best {metric.title} ({value}), but "
        f"{_named([row.label for row in tied])} {verb} not significantly "
        f"worse{_by_users(board)}."
    )


def _by_users(board: Leaderboard) -> str:
    return " over the users of this fold" if len(board.stage.folds) < 2 else ""


def _none_beats_bias(board: Leaderboard, kind: Sequence[Row]) -> list[str]:
    metric = board.metrics[0]
    line = board.reference.get(metric.name)
    if line is None or not all(row.flag == WORSE for row in kind):
        return []
    return [
        f"No model is better than the bias model ({metric.title} "
        f"{score(metric, line)})."
    ]


def _cheapest(
    metric: MetricRecord, best: Row, others: Sequence[Row], analysis: Analysis | None
) -> list[str]:
    tied = _tied(best, others, analysis)
    near = tied or [row for row in others if _is_close(metric, row, best)]
    if best.total_seconds is None:
        return []
    if not near:
        return [f"No other model comes within 1 % of its {metric.title}."]
    if best.is_contended:
        return []
    # Repeats that were too fast are no times of a fit.
    timed = [
        row
        for row in near
        if row.total_seconds is not None and not (row.n_hastened or row.is_contended)
    ]
    cheapest = min(timed, key=_seconds_of, default=best)
    among = "of these" if tied else f"within 1 % of its {metric.title}"
    doubt = "; other work disturbed the timings" if _disturbed([best, cheapest]) else ""
    if _seconds_of(cheapest) * _CHEAPER > best.total_seconds:
        return [f"None {among} is clearly cheaper{doubt}."]
    mine, top = (row.summaries[metric.name].mean for row in (cheapest, best))
    # Few folds can leave a model tied that is much worse.
    is_worse = top and not _is_close(metric, cheapest, best)
    worse = f", {100 * abs(mine / top - 1):.0f} % worse" if is_worse else ""
    return [
        f"Cheapest {among} is {cheapest.label} ({score(metric, mine)}{worse}): "
        f"{seconds(cheapest.total_seconds)} s from data to predictions instead of "
        f"{seconds(best.total_seconds)} s{doubt}."
    ]


def _what_would_settle(
    board: Leaderboard, best: Row, others: Sequence[Row], analysis: Analysis | None
) -> list[str]:
    tied = _tied(best, others, analysis)
    if tied is None:
        return [
            "To find out, run more folds, or see `benchbox stats` for intervals over "
            "users."
        ]
    if not tied:
        return []
    rival = tied[0]
    n_folds = len(board.stage.folds)
    if n_folds < 2:
        return _over_users(best, rival, analysis)
    metric = board.metrics[0].name
    first, second = best.summaries[metric].by_fold, rival.summaries[metric].by_fold
    differences = [b - a for a, b in zip(first, second, strict=True)]
    if not any(differences):
        return [f"{best.label} and {rival.label} have the same score on every fold."]
    share = fmean(fold.n_hidden / fold.n_train for fold in board.stage.folds)
    needed = folds_needed(differences, share)
    if needed is None:
        return [
            f"More folds alone would not separate {best.label} from {rival.label}; "
            f"only other data could."
        ]
    return [
        f"To separate {best.label} from {rival.label} takes at least "
        f"{max(needed, n_folds + 1)} folds (now {n_folds}), if the difference is as "
        f"measured."
    ]


def _over_users(best: Row, rival: Row, analysis: Analysis | None) -> list[str]:
    pair = _pair(best, rival, analysis)
    if pair is None or pair.effect.same:
        return [f"{best.label} and {rival.label} predict exactly the same."]
    needs = []
    if pair.effect.verdict == "not significant" and pair.n_users is not None:
        needs.append(f"{pair.n_users:,} users (now {pair.effect.n_users:,})")
    if pair.seeds_may_explain:
        enough = f"{pair.n_fits:,} fits" if pair.n_fits else "fits with other seeds"
        needs.append(enough if pair.n_fits is None else f"{enough} per fold")
    if not needs:
        return []
    return [
        f"To separate {best.label} from {rival.label} takes about "
        f"{' and '.join(needs)}, if the difference is as measured."
    ]


def _about_the_unranked(board: Leaderboard, ranked: Sequence[Row]) -> list[str]:
    unranked = [row.label for row in board.rows if row not in ranked]
    if not unranked:
        return []
    verb = "lacks" if len(unranked) == 1 else "lack"
    return [f"{_named(unranked)} {verb} a score on some folds and cannot be ranked."]


def _tied(
    best: Row, others: Sequence[Row], analysis: Analysis | None
) -> list[Row] | None:
    """Return the rows not significantly worse than the best; `None` if unknown."""
    if any(row.behind is not None for row in others):
        return [row for row in others if row.mark == "tied"]
    pairs = [_pair(best, row, analysis) for row in others]
    known = [pair for pair in pairs if pair is not None]
    if len(known) < len(others):
        return None
    return [
        row for row, pair in zip(others, known, strict=True) if not _is_clear(pair, row)
    ]


def _is_clear(pair: Pair, worse: Row) -> bool:
    won = "better" if pair.second == worse.label else "worse"
    return pair.effect.verdict == won and not pair.seeds_may_explain


def _pair(one: Row, other: Row, analysis: Analysis | None) -> Pair | None:
    labels = {one.label, other.label}
    pairs = analysis.pairs if analysis is not None else []
    return next((pair for pair in pairs if {pair.first, pair.second} == labels), None)


def _is_close(metric: MetricRecord, row: Row, best: Row) -> bool:
    mine, top = row.summaries[metric.name].mean, best.summaries[metric.name].mean
    return abs(mine - top) <= _CLOSE * abs(top)


def _seconds_of(row: Row) -> float:
    return row.total_seconds if row.total_seconds is not None else float("inf")


def _disturbed(rows: Sequence[Row]) -> bool:
    return any(row.n_disturbed for row in rows)


def _named(labels: Sequence[str]) -> str:
    *first, last = labels
    if len(labels) > _MOST_NAMES:
        rest = counted(len(labels) - _MOST_NAMES, "other")
        return f"{', '.join(labels[:_MOST_NAMES])} and {rest}"
    return f"{', '.join(first)} and {last}" if first else last

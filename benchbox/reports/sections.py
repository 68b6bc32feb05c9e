"""Sections: what an analysis shows, as records for programs and cells for people."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from benchbox.analysis import REFERENCE, Analysis, ModelAnalysis, Pair
from benchbox.breakdown import Dimension, Slice
from benchbox.options import spell
from benchbox.readings import READINGS
from benchbox.reports.columns import MISSING
from benchbox.statistics.intervals import OVER_FOLDS, OVER_USERS, Interval
from benchbox.statistics.ranks import Ranking, rank

Record = dict[str, Any]

_MOST_PAIRS = 10
"""Pairs shown to people; beyond, those with the best model. Programs get all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table of one kind of figure, none of which shares a column with another kind.

    Attributes:
        name: What it is called in records.
        title: Its heading.
        headings: Headings of the columns for people; the first is of the labels.
        cells: Rows for people.
        notes: What the figures mean.
        records: Rows for programs, with nothing rounded.
    """

    name: str
    title: str
    headings: list[str]
    cells: list[list[str]]
    notes: list[str]
    records: list[Record]


def sections(analysis: Analysis) -> list[Section]:
    """Return the sections of an analysis that have anything to show."""
    if not analysis.models:
        return []
    return [
        _definitions(analysis),
        _intervals(analysis),
        *([_pairs(analysis)] if analysis.pairs else []),
        _slices(analysis, "activity", "user, by ratings of theirs the model may see"),
        _slices(analysis, "popularity", "item, by its training ratings"),
        _slices(analysis, "rating", "hidden rating"),
        _calibration(analysis),
        *_settling(analysis),
    ]


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
                    *(_score(board[shared[place]]) for board in boards.values()),
                ]
                for place in order
            ],
            notes=[
                f"Beside the mean rank stand the RMSE, means over folds. Friedman test "
                f"that all models rank alike: p {_p_value(ranking.p_value)}. Two "
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


def _definitions(analysis: Analysis) -> Section:
    first = analysis.models[0]
    n_all, n_known = first.n_read["pooled"], first.n_read["known"]
    widest = max(analysis.models, key=_gap)
    return Section(
        name="definitions",
        title="One set of predictions, read by every definition of RMSE in use",
        headings=["model", *(r.title for r in READINGS), "apart"],
        cells=[
            [
                model.label,
                *(_score(model.readings[r.name]) for r in READINGS),
                _score(_gap(model)),
            ]
            for model in analysis.models
        ],
        notes=[
            "Only the first is the RMSE of the tables; elsewhere each of them is "
            "printed as RMSE. All are means over folds and fits.",
            *(f"{r.title}: {r.caution}." for r in READINGS if r.caution),
            f"With cold pairs dropped, {n_known:,} of {n_all:,} hidden ratings are "
            f"scored. For {widest.label} the definitions are {_gap(widest):.4f} apart.",
        ],
        records=[
            {"model": model.label}
            | {r.name: model.readings[r.name] for r in READINGS}
            | {"n_scored": model.n_read["pooled"], "n_known": model.n_read["known"]}
            for model in analysis.models
        ],
    )


def _gap(model: ModelAnalysis) -> float:
    known = [value for value in model.readings.values() if value is not None]
    return max(known) - min(known)


def _intervals(analysis: Analysis) -> Section:
    n_folds = len(analysis.stage.folds)
    kinds: dict[str, tuple[str, Callable[[float], str]]] = {
        "rmse": ("RMSE", _score),
        "mae": ("MAE", _score),
        "mape": ("MAPE %", _percent),
    }

    def of(model: ModelAnalysis, metric: str) -> str:
        found = model.estimates.get(metric)
        if found is None:
            return MISSING
        text = kinds[metric][1]
        return f"{text(found.value)} {_range(found.interval, text)}"

    return Section(
        name="intervals",
        title="How sure each figure is",
        headings=[
            "model",
            "group",
            *(k[0] for k in kinds.values()),
            "±seeds",
            "±folds",
        ],
        cells=[
            [
                model.label,
                model.group,
                *(of(model, metric) for metric in kinds),
                _score(model.spread.seed_deviation),
                _score(model.spread.fold_deviation),
            ]
            for model in analysis.models
        ],
        notes=[
            f"In brackets: 95 % intervals for {OVER_USERS}; users are drawn, as the "
            f"ratings of one user err together. Figures pool the hidden ratings of all "
            f"{n_folds} folds, so they may differ from means over folds in the last "
            f"digit."
            if n_folds > 1
            else f"In brackets: 95 % intervals for {OVER_USERS}; users are drawn, as "
            f"the ratings of one user err together.",
            "Models that share a letter are not told apart by RMSE. ±seeds is the "
            "standard deviation over fits on one fold, ±folds over folds with the "
            "seeds' part taken out; – where there was but one.",
        ],
        records=[
            {
                "model": model.label,
                "group": model.group,
                **_estimates(model),
                "estimand": OVER_USERS,
                "seed_deviation": model.spread.seed_deviation,
                "fold_deviation": model.spread.fold_deviation,
            }
            for model in analysis.models
        ],
    )


def _estimates(model: ModelAnalysis) -> Record:
    record: Record = {}
    for metric, found in model.estimates.items():
        record[f"pooled_{metric}"] = found.value
        record |= _ends(f"pooled_{metric}", found.interval)
    return record


def _pairs(analysis: Analysis) -> Section:
    shown = analysis.pairs
    best = analysis.models[0].label
    all_shown = len(shown) <= _MOST_PAIRS
    if not all_shown:
        shown = [pair for pair in shown if pair.first == best]
    has_folds = any(pair.over_folds for pair in shown)
    more = (
        "" if all_shown else f"Shown are the pairs with {best}; JSON and CSV hold all "
    )
    more += "" if all_shown else f"{len(analysis.pairs)}. "
    return Section(
        name="pairs",
        title="Every two models on the same hidden ratings, by RMSE",
        headings=[
            "first against second",
            "verdict",
            "difference over users",
            "in %",
            "p",
            "users won",
            "p users",
            *(["difference over folds"] if has_folds else []),
        ],
        cells=[_pair_cells(pair, has_folds) for pair in shown],
        notes=[
            f"{more}First minus second: below 0 the first is better. Over users: "
            f"{OVER_USERS}."
            + (f" Over folds: {OVER_FOLDS} (Nadeau & Bengio)." if has_folds else ""),
            f"p: that the RMSE do not differ (t test over users); users won: share of "
            f"users for whom the first errs less, and p users that it is a half "
            f"(Wilcoxon signed-rank). Both are Holm-corrected for "
            f"{len(analysis.pairs)} pairs. ‡: in total the one, for most users the "
            f"other is better. §: for these fits, but the spread over seeds alone "
            f"could make the difference; fit more often.",
            *_about_pairing(shown[0]),
        ],
        records=[_pair_record(pair) for pair in analysis.pairs],
    )


def _about_pairing(pair: Pair) -> list[str]:
    if pair.sharper_over_users is None:
        return []
    folds = pair.sharper_over_folds
    also = "" if folds is None else f", over folds {folds:.1f} times"
    return [
        f"Pairing pays: for {pair.first} against {pair.second} the interval over users "
        f"is {pair.sharper_over_users:.1f} times narrower than if each had been scored "
        f"on its own users{also}."
    ]


def _pair_cells(pair: Pair, has_folds: bool) -> list[str]:
    effect = pair.effect
    relative = None if effect.relative is None else f"{effect.relative * 100:+.2f}"
    over_folds = [_range(pair.over_folds, _signed)] if has_folds else []
    return [
        f"{pair.first} – {pair.second}",
        _verdict(pair),
        f"{_signed(effect.difference)} {_range(effect.interval, _signed)}",
        f"{relative} {_range(effect.relative_interval, _signed_percent)}"
        if relative
        else MISSING,
        MISSING if effect.same else _p_value(effect.p_value),
        MISSING if effect.same else f"{effect.share_better * 100:.0f} %",
        MISSING if effect.same else _p_value(effect.p_users),
        *over_folds,
    ]


def _verdict(pair: Pair) -> str:
    verdict = pair.effect.verdict
    if verdict not in ("better", "worse"):
        return verdict
    few = " ‡" if pair.effect.is_by_few else ""
    return verdict + few + (" §" if pair.seeds_may_explain else "")


def _pair_record(pair: Pair) -> Record:
    effect = pair.effect
    return {
        "first": pair.first,
        "second": pair.second,
        "verdict": effect.verdict,
        "by_few": effect.is_by_few,
        "seeds_may_explain": pair.seeds_may_explain,
        "difference": effect.difference,
        **_ends("difference", effect.interval),
        "estimand": effect.estimand,
        "relative": effect.relative,
        **_ends("relative", effect.relative_interval),
        "standardised": effect.standardised,
        "p_value": effect.p_value,
        "share_better": effect.share_better,
        "p_users": effect.p_users,
        "n_users": effect.n_users,
        "n_ratings": effect.n_ratings,
        **_ends("over_folds", pair.over_folds),
        "sharper_over_users": pair.sharper_over_users,
        "sharper_over_folds": pair.sharper_over_folds,
        "users_to_settle": pair.n_users,
        "folds_to_settle": pair.n_folds,
        "fits_to_settle": pair.n_fits,
    }


def _slices(analysis: Analysis, dimension: Dimension, what: str) -> Section:
    by_model, shown = _parts(analysis, dimension)
    first = next(iter(by_model.values()))
    return Section(
        name=dimension,
        title=f"RMSE by {what}",
        headings=["model", *(first[place].name for place in shown)],
        cells=[
            ["(hidden ratings)", *(f"{first[place].n:,.0f}" for place in shown)],
            *(
                [label, *(_score(parts[place].rmse) for place in shown)]
                for label, parts in by_model.items()
            ),
        ],
        notes=[_ABOUT_SLICES[dimension]],
        records=_slice_records(by_model),
    )


_ABOUT_SLICES = {
    "activity": "New users have none visible; quarters part the other users in four, "
    "the 1st with the fewest.",
    "popularity": "New items have none; quarters part the other items in four, the 1st "
    "with the fewest.",
    "rating": "No model knows what slice it is asked about: one that always predicts "
    "the middle does well in the middle.",
}


def _calibration(analysis: Analysis) -> Section:
    by_model, shown = _parts(analysis, "prediction")
    names = [part.name for part in next(iter(by_model.values()))]
    return Section(
        name="prediction",
        title="Calibration: mean rating minus mean prediction, by prediction",
        headings=["model", *(names[place] for place in shown)],
        cells=[
            [label, *(_excess(parts[place]) for place in shown)]
            for label, parts in by_model.items()
        ],
        notes=["Above 0, ratings are higher than the model predicts there."],
        records=_slice_records(by_model),
    )


def _parts(
    analysis: Analysis, dimension: Dimension
) -> tuple[dict[str, list[Slice]], list[int]]:
    """Return the slices per model, and the places of those that any model fills."""
    by_model = {m.label: m.breakdown.by(dimension) for m in analysis.models}
    rows = list(by_model.values())
    shown = [k for k in range(len(rows[0])) if any(parts[k].n for parts in rows)]
    return by_model, shown


def _excess(part: Slice) -> str:
    if part.mean_actual is None or part.mean_predicted is None:
        return MISSING
    # Adding 0 turns a rounded -0.0 into 0.0.
    return f"{round(part.mean_actual - part.mean_predicted, 2) + 0.0:+.2f}"


def _slice_records(by_model: dict[str, list[Slice]]) -> list[Record]:
    return [
        {
            "model": label,
            "slice": part.name,
            "slice_n": part.n,
            "slice_rmse": part.rmse,
            "slice_mae": part.mae,
            "slice_mape": part.mape,
            "mean_predicted": part.mean_predicted,
            "mean_actual": part.mean_actual,
        }
        for label, parts in by_model.items()
        for part in parts
        if part.n
    ]


def _settling(analysis: Analysis) -> list[Section]:
    """Return what would tell those apart that are not, if there are any."""
    open_pairs = [
        p
        for p in analysis.pairs
        if p.effect.verdict == "not told apart"
        or (p.seeds_may_explain and not p.effect.same)
    ]
    if not open_pairs:
        return []
    many_folds = len(analysis.stage.folds) > 1
    return [
        Section(
            name="settle",
            title="What would settle the pairs that are not told apart, or marked §",
            headings=["first against second", "difference", "users", "folds", "fits"],
            cells=[
                [
                    f"{pair.first} – {pair.second}",
                    _signed(pair.effect.difference),
                    _needed(pair.n_users),
                    _needed(pair.n_folds) if many_folds else "?",
                    _needed(pair.n_fits),
                ]
                for pair in open_pairs[:_MOST_PAIRS]
            ],
            notes=[
                f"Were the difference as measured: users like these that would tell it "
                f"4 times in 5, there are {open_pairs[0].effect.n_users:,} now; folds "
                f"whose interval would not hold 0 ({MISSING}: no number of them, since "
                f"folds share ratings; ?: one fold tells nothing); fits a fold so that "
                f"seeds do not hide it."
            ],
            records=[
                {"first": p.first, "second": p.second, "users_to_settle": p.n_users}
                | {"folds_to_settle": p.n_folds, "fits_to_settle": p.n_fits}
                for p in open_pairs
            ],
        )
    ]


def _needed(n: int | None) -> str:
    return MISSING if n is None else f"{n:,}"


def _ends(name: str, interval: Interval | None) -> Record:
    return {
        f"{name}_low": None if interval is None else interval.low,
        f"{name}_high": None if interval is None else interval.high,
    }


def _range(interval: Interval | None, text: Callable[[float], str]) -> str:
    if interval is None:
        return MISSING
    return f"[{text(interval.low)}, {text(interval.high)}]"


def _score(value: float | None) -> str:
    return MISSING if value is None else f"{value:.4f}"


def _signed(value: float) -> str:
    return f"{value:+.4f}"


def _percent(value: float) -> str:
    return f"{value * 100:.2f}"


def _signed_percent(value: float) -> str:
    return f"{value * 100:+.2f}"


def _p_value(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"

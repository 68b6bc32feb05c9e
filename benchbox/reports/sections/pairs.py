"""Sections on pairs of models: their differences, and what would make them clear."""

from functools import partial

from benchbox.analysis import OVER_FOLDS, OVER_USERS, Analysis, Pair
from benchbox.errors import counted
from benchbox.metrics import Metric
from benchbox.reports.numbers import MISSING, signed
from benchbox.reports.sections.section import (
    Record,
    Section,
    bounds,
    ends,
    p_value_of,
    signed_percent,
)

_MOST_PAIRS = 10
"""If there are more pairs, people see those with the best model; programs get all."""


def pairs(analysis: Analysis) -> Section:
    """Return the difference of every two models; there must be at least one pair."""
    shown, metric = analysis.pairs, analysis.headline
    best = _best_of_each_kind(analysis)
    all_shown = len(shown) <= _MOST_PAIRS
    if not all_shown:
        shown = [pair for pair in shown if pair.first in best]
    has_folds = any(pair.over_folds for pair in shown)
    more = (
        ""
        if all_shown
        else f"Shown are the pairs with {' and with '.join(best)}; JSON and CSV hold "
        f"all {len(analysis.pairs)}. "
    )
    return Section(
        name="pairs",
        title=f"Every two models on the same hidden ratings, by {metric.title}",
        headings=[
            "first against second",
            "verdict",
            f"{_difference(metric)} over users",
            "in %",
            "p",
            "users won",
            "p users",
            *([f"{_difference(metric)} over folds"] if has_folds else []),
        ],
        cells=[_pair_cells(pair, metric, has_folds) for pair in shown],
        notes=[
            f"{more}First minus second: {_direction(metric)} 0, the first is better. "
            f"Over users: {OVER_USERS}."
            + (f" Over folds: {OVER_FOLDS} (Nadeau & Bengio)." if has_folds else ""),
            f"p: p-value of equal {metric.title} (t test over users); users won: "
            f"share of users for whom the first {_wins(metric)}; p users: p-value of "
            f"a share of one half (Wilcoxon signed-rank). Both are Holm-corrected for "
            f"{counted(len(analysis.pairs), 'pair')}. ‡: one is better overall, but "
            f"the other is better for most users. §: holds for these fits, but the "
            f"spread over seeds alone could explain the difference; fit more seeds.",
            *_about_pairing(shown[0]),
        ],
        records=[_pair_record(pair) for pair in analysis.pairs],
        # Verdict, difference and p-value are always shown.
        gives_way=[*([7] if has_folds else []), 6, 5, 3],
        n_words=2,
    )


def _best_of_each_kind(analysis: Analysis) -> list[str]:
    """Return the best model, or, where kinds are not compared, the best of each."""
    models = analysis.models
    if analysis.across_kinds:
        return [models[0].label]
    return list({m.asks_times: m.label for m in reversed(models)}.values())


def _difference(metric: Metric) -> str:
    return "difference in points" if metric.unit == "fraction" else "difference"


def _direction(metric: Metric) -> str:
    return "above" if metric.higher_is_better else "below"


def _wins(metric: Metric) -> str:
    return "scores higher" if metric.higher_is_better else "errs less"


def _about_pairing(pair: Pair) -> list[str]:
    if pair.sharper_over_users is None:
        return []
    folds = pair.sharper_over_folds
    also = "" if folds is None else f", over folds {folds:.1f} times"
    return [
        f"Pairing pays: for {pair.first} against {pair.second}, the interval over "
        f"users is {pair.sharper_over_users:.1f} times narrower than if the two had "
        f"been scored on different users{also}."
    ]


def _pair_cells(pair: Pair, metric: Metric, has_folds: bool) -> list[str]:
    effect, text = pair.effect, partial(signed, metric)
    relative = None if effect.relative is None else f"{effect.relative * 100:+.2f}"
    over_folds = [bounds(pair.over_folds, text)] if has_folds else []
    return [
        f"{pair.first} – {pair.second}",
        _verdict(pair),
        f"{text(effect.difference)} {bounds(effect.interval, text)}",
        f"{relative} {bounds(effect.relative_interval, signed_percent)}"
        if relative
        else MISSING,
        MISSING if effect.same else p_value_of(effect.p_value),
        MISSING if effect.same else f"{effect.share_better * 100:.0f} %",
        MISSING if effect.same else p_value_of(effect.p_users),
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
        **ends("difference", effect.interval),
        "estimand": effect.estimand,
        "relative": effect.relative,
        **ends("relative", effect.relative_interval),
        "standardised": effect.standardised,
        "p_value": effect.p_value,
        "share_better": effect.share_better,
        "p_users": effect.p_users,
        "n_users": effect.n_users,
        "n_ratings": effect.n_ratings,
        **ends("over_folds", pair.over_folds),
        "sharper_over_users": pair.sharper_over_users,
        "sharper_over_folds": pair.sharper_over_folds,
        "users_to_settle": pair.n_users,
        "folds_to_settle": pair.n_folds,
        "fits_to_settle": pair.n_fits,
    }


def settling(analysis: Analysis) -> list[Section]:
    """Return what would make the open pairs significant, if there are any."""
    open_pairs = [
        p
        for p in analysis.pairs
        if p.effect.verdict == "not significant"
        or (p.seeds_may_explain and not p.effect.same)
    ]
    if not open_pairs:
        return []
    metric, many_folds = analysis.headline, len(analysis.stage.folds) > 1
    return [
        Section(
            name="settle",
            title="What would settle the pairs that do not differ significantly, or §",
            headings=[
                "first against second",
                _difference(metric),
                "users",
                "folds",
                "fits",
            ],
            cells=[
                [
                    f"{pair.first} – {pair.second}",
                    signed(metric, pair.effect.difference),
                    _needed(pair.n_users),
                    _needed(pair.n_folds) if many_folds else "?",
                    _needed(pair.n_fits),
                ]
                for pair in open_pairs[:_MOST_PAIRS]
            ],
            notes=[
                f"If the true difference is as measured: users needed to detect it 4 "
                f"times in 5 (now {open_pairs[0].effect.n_users:,}); folds needed for "
                f"an interval without 0 ({MISSING}: no number is enough, since folds "
                f"share ratings; ?: unknown with one fold); fits per fold needed so "
                f"that seeds do not hide it."
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

"""Pairs: how every two models differ, and what would settle those left open."""

from benchbox.analysis import OVER_FOLDS, OVER_USERS, Analysis, Pair
from benchbox.reports.columns import MISSING
from benchbox.reports.sections.section import (
    Record,
    Section,
    bounds,
    ends,
    p_value_of,
    signed,
    signed_percent,
)

_MOST_PAIRS = 10
"""Pairs shown to people; beyond, those with the best model. Programs get all."""


def pairs(analysis: Analysis) -> Section:
    """Return how every two models differ; at least one pair."""
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
    over_folds = [bounds(pair.over_folds, signed)] if has_folds else []
    return [
        f"{pair.first} – {pair.second}",
        _verdict(pair),
        f"{signed(effect.difference)} {bounds(effect.interval, signed)}",
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
                    signed(pair.effect.difference),
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

"""Paired comparisons of models on the same hidden ratings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import expm1, sqrt
from typing import Literal

import numpy as np

from benchbox.analysis.statistics.intervals import CONFIDENCE, OVER_USERS, Interval
from benchbox.analysis.statistics.resampling import N_RESAMPLES, Resampler
from benchbox.metrics import RMSE, Metric, UserTotals, user_totals
from benchbox.ratings import IndexArray, Values

Verdict = Literal["same", "better", "worse", "not significant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """The difference of two models on the same hidden ratings, first minus second.

    For an error metric, a negative difference means that the first model is better.

    Attributes:
        first: Value of the first model.
        second: Value of the second model.
        difference: First minus second, in the metric's unit.
        standard_error: Standard error of the difference over users.
        interval: Confidence interval of the difference; `None` for fewer than two
            users.
        relative: Difference divided by the second value; `None` unless both are above
            0.
        relative_interval: Confidence interval of ``relative``.
        standardised: Difference divided by the standard deviation over users.
        p_value: P-value of the t test of no difference.
        p_users: P-value of the Wilcoxon signed-rank test on users' mean terms. It
            gives each user equal weight, so it may disagree with ``p_value``.
        share_better: Share of users for whom the first is better; ties count half.
        n_users: Number of users compared.
        n_ratings: Number of hidden ratings compared.
        same: Whether all predictions are identical, so that nothing was tested.
        higher_is_better: Direction of the metric.
        estimand: The quantity that the intervals estimate.
    """

    first: float
    second: float
    difference: float
    standard_error: float
    interval: Interval | None
    relative: float | None
    relative_interval: Interval | None
    standardised: float
    p_value: float
    p_users: float
    share_better: float
    n_users: int
    n_ratings: int
    same: bool
    higher_is_better: bool = False
    estimand: str = OVER_USERS

    @property
    def verdict(self) -> Verdict:
        """Verdict; a difference must be significant by both interval and p-value."""
        if self.same:
            return "same"
        is_clear = self.interval is not None and 0.0 not in self.interval
        if not is_clear or self.p_value > 1 - CONFIDENCE:
            return "not significant"
        return "better" if self._first_is_better else "worse"

    @property
    def is_by_few(self) -> bool:
        """Whether one model wins over all ratings, but loses for most users."""
        if self.verdict not in ("better", "worse") or self.p_users > 1 - CONFIDENCE:
            return False
        return (self.share_better > 0.5) != self._first_is_better

    @property
    def _first_is_better(self) -> bool:
        ahead = -self.difference if self.higher_is_better else self.difference
        return ahead < 0


def compare(
    truth: Values,
    first: Values,
    second: Values,
    users: IndexArray,
    *,
    metric: Metric = RMSE,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> Effect:
    """Return the difference of two models on the same hidden ratings.

    Args:
        truth: Hidden ratings, shape ``(n,)``, at least one.
        first: Predictions of the first model, shape ``(n,)``, clipped if the run clips.
        second: Predictions of the second model, shape ``(n,)``.
        users: User index per rating, shape ``(n,)``.
        metric: A metric with a term.
        seed: Seed for resampling users.
        n_resamples: Number of resamples.

    Raises:
        UsageError: The metric has no term.
    """
    totals = user_totals(truth, [first, second], users, metric)
    same = {(0, 1)} if np.array_equal(first, second) else set()
    ((_, effect),) = compare_all(totals, same, seed=seed, n_resamples=n_resamples)
    return effect


def compare_all(
    totals: UserTotals,
    same: "set[tuple[int, int]]",
    *,
    pairs: "Sequence[tuple[int, int]] | None" = None,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> "list[tuple[tuple[int, int], Effect]]":
    """Return the difference of two models each, p-values corrected for their number.

    Args:
        totals: Sums of all models' terms by user.
        same: Pairs of models, lower index first, whose predictions are identical.
        pairs: Pairs to compare, lower index first; by default all.
        seed: Seed for resampling users.
        n_resamples: Number of resamples.
    """
    resampler = Resampler(totals, seed=seed, n_resamples=n_resamples)
    if pairs is None:
        pairs = list(combinations(range(len(totals.sums)), 2))
    effects = [
        _same(totals, pair) if pair in same else _effect(totals, resampler, *pair)
        for pair in pairs
    ]
    return list(zip(pairs, _corrected(effects), strict=True))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm, 1979), in the same order.

    With a threshold of 0.05, the chance of any false positive is at most 5 %.
    """
    order = np.argsort(p_values, kind="stable")
    left = np.arange(len(order), 0, -1)
    rising = np.maximum.accumulate(np.asarray(p_values, dtype=float)[order] * left)
    corrected = np.empty(len(order))
    corrected[order] = rising.clip(max=1)
    return [float(p) for p in corrected]


def groups(n_models: int, different: "set[tuple[int, int]]") -> list[str]:
    """Return letters per model; models that share one do not differ significantly.

    Letters are assigned by the insert-and-absorb algorithm (Piepho, 2004,
    doi:10.1198/1061860043515).

    Args:
        n_models: Number of models, which are ordered best first.
        different: Pairs of models that differ significantly, lower index first.
    """
    columns = [frozenset(range(n_models))]
    for first, second in sorted(different):
        split = [
            part
            for column in columns
            for part in (
                (column - {first}, column - {second})
                if {first, second} <= column
                else (column,)
            )
        ]
        columns = [c for c in dict.fromkeys(split) if not any(c < o for o in split)]
    columns.sort(key=sorted)
    return [
        "".join(_letter(k) for k, column in enumerate(columns) if model in column)
        for model in range(n_models)
    ]


def _letter(number: int) -> str:
    return chr(ord("a") + number) if number < 26 else f"({number + 1})"


def _effect(totals: UserTotals, resampler: Resampler, a: int, b: int) -> Effect:
    from scipy.stats import t

    first, second = (float(v) for v in totals.values[[a, b]])
    found = resampler.difference(a, b)
    n_users = totals.n_users
    # Ratios only make sense if terms cannot be negative.
    is_amount = first > 0 and second > 0 and totals.sums[[a, b]].min() >= 0
    ratio = resampler.log_ratio(a, b) if is_amount else None
    per_user = (totals.sums[a] - totals.sums[b]) / totals.counts
    ahead = -per_user if totals.metric.higher_is_better else per_user
    deviation = found.standard_error * sqrt(n_users)
    return Effect(
        first=first,
        second=second,
        difference=found.value,
        standard_error=found.standard_error,
        interval=found.interval,
        relative=expm1(ratio.value) if ratio else None,
        relative_interval=Interval(
            expm1(ratio.interval.low), expm1(ratio.interval.high)
        )
        if ratio and ratio.interval
        else None,
        standardised=found.value / deviation if deviation else 0.0,
        p_value=float(2 * t.sf(abs(found.t), n_users - 1)) if n_users > 1 else 1.0,
        p_users=_wilcoxon(per_user),
        share_better=float(np.mean((ahead < 0) + 0.5 * (ahead == 0))),
        n_users=n_users,
        n_ratings=int(totals.counts.sum()),
        same=False,
        higher_is_better=totals.metric.higher_is_better,
    )


def _same(totals: UserTotals, pair: tuple[int, int]) -> Effect:
    value = float(totals.values[pair[0]])
    nothing = Interval(0.0, 0.0)
    return Effect(
        first=value,
        second=value,
        difference=0.0,
        standard_error=0.0,
        interval=nothing,
        relative=0.0,
        relative_interval=nothing,
        standardised=0.0,
        p_value=1.0,
        p_users=1.0,
        share_better=0.5,
        n_users=totals.n_users,
        n_ratings=int(totals.counts.sum()),
        same=True,
        higher_is_better=totals.metric.higher_is_better,
    )


def _wilcoxon(differences: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    from scipy.stats import wilcoxon

    moved = differences[differences != 0]
    return float(wilcoxon(moved).pvalue) if len(moved) else 1.0


def _corrected(effects: list[Effect]) -> Iterator[Effect]:
    tested = [effect for effect in effects if not effect.same]
    pooled = iter(holm([effect.p_value for effect in tested]))
    by_user = iter(holm([effect.p_users for effect in tested]))
    for effect in effects:
        if effect.same:
            yield effect
        else:
            yield replace(effect, p_value=next(pooled), p_users=next(by_user))

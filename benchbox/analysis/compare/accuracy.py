"""Judges a metric of a subject.

A difference is judged by the best evidence available: predictions paired by user and
the spread over seeds, else that spread alone, else the differences on each fold. A
model that depends on the seed and was fitted with only one may differ for that alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import expm1, log, log1p
from statistics import fmean

from msgspec.structs import replace

from benchbox.analysis.compare.cell import Cell, Rules, new_cell, verdict_on
from benchbox.analysis.compare.sides import Scores, Side, Subject, common_folds
from benchbox.analysis.statistics.intervals import paired_interval
from benchbox.analysis.statistics.paired import Effect
from benchbox.analysis.statistics.seeds import (
    Doubt,
    SeedSpread,
    reach,
    seed_doubts,
    seed_spread,
)

Paired = Callable[[Subject, str], Effect | None]
"""Compares saved predictions on shared hidden ratings, if possible; in the effect, the
second side comes first."""

_NO_GROUNDS = "neither predictions to pair nor several seeds or folds to judge noise"

_ONE_SEED = (
    "the spread over seeds is unknown: fit both sides with two or more seeds or folds"
)


@dataclass(frozen=True, slots=True)
class AccuracyJudge:
    """Judges the metrics of two sides.

    Attributes:
        first: The baseline.
        second: The side to judge.
        rules: Rules of the comparison.
        paired: Compares saved predictions.
    """

    first: Side
    second: Side
    rules: Rules
    paired: Paired

    def cell(self, subject: Subject, metric: str) -> Cell:
        """Return the comparison of a metric that both sides have."""
        mine, other = (
            side.scores[subject, metric] for side in (self.first, self.second)
        )
        folds = common_folds(mine.values, other.values)
        if mine.definition != other.definition:
            reason = "the definition of the metric differs"
            return new_cell(subject, metric, "UNSURE", reason=reason)
        if mine.asks_times != other.asks_times and not self.rules.across_kinds:
            reason = (
                "only one of the two is told when each question is asked; "
                "--across-kinds compares them"
            )
            return new_cell(subject, metric, "UNSURE", reason=reason)
        if not folds:
            reason = "not the same hidden ratings: no fold has the same id"
            return new_cell(subject, metric, "UNSURE", reason=reason)
        cell = new_cell(
            subject,
            metric,
            "UNSURE",
            first=mine.mean(folds),
            second=other.mean(folds),
            n_first=sum(map(len, mine.by_fold(folds))),
            n_second=sum(map(len, other.by_fold(folds))),
        )
        if mine.target is not None and not _identical(mine, other, folds):
            reason = f"best at {mine.target:g}: neither higher nor lower is better"
            return replace(cell, reason=reason)
        if _identical(mine, other, folds):
            return replace(
                cell,
                verdict="SAME",
                effect=0.0,
                low=0.0,
                high=0.0,
                reason="identical predictions",
            )
        return self._judged(subject, cell, mine, other, folds)

    def _judged(
        self,
        subject: Subject,
        cell: Cell,
        mine: Scores,
        other: Scores,
        folds: list[str],
    ) -> Cell:
        first, second = mine.mean(folds), other.mean(folds)
        if any(value <= 0 for value in _values(mine, folds) + _values(other, folds)):
            return replace(cell, reason="a value of 0 or below has no ratio")
        spreads = [_seed_spread(scores, folds) for scores in (mine, other)]
        known = [spread for spread in spreads if spread is not None]
        noise = max((s.deviation for s in known if s.n_free), default=None)
        cell = replace(cell, effect=second / first - 1, noise=noise)
        distance, found = log(second) - log(first), None
        if len(known) == 2:
            doubts = seed_doubts(*known)
            found = self._by_users(subject, cell.quantity, doubts)
            if found is None and doubts:
                found = self._with_doubts(distance, doubts, "by the spread over seeds")
        if found is None:
            found = self._by_folds(mine, other, folds)
        if found is None:
            return replace(cell, reason=_NO_GROUNDS if known[1:] else _ONE_SEED)
        return self._by_interval(cell, found, mine.higher_is_better)

    def _by_users(
        self, subject: Subject, metric: str, doubts: list[Doubt]
    ) -> "_Distance | None":
        effect = self.paired(subject, metric)
        if effect is None or effect.n_users < 2:
            return None
        if effect.first <= 0 or effect.second <= 0:
            return None
        error = effect.standard_error / effect.second
        doubt = Doubt(error**2, effect.n_users - 1)
        distance = log(effect.first) - log(effect.second)
        return self._with_doubts(distance, [*doubts, doubt], "paired by user")

    def _with_doubts(
        self, distance: float, doubts: list[Doubt], basis: str
    ) -> "_Distance":
        half = reach(doubts, self.rules.error_rate)
        return _Distance(distance, distance - half, distance + half, basis)

    def _by_folds(
        self, mine: Scores, other: Scores, folds: list[str]
    ) -> "_Distance | None":
        """Return the mean difference over folds, if there are two or more."""
        pairs = [
            (fmean(a), fmean(b))
            for a, b in zip(mine.by_fold(folds), other.by_fold(folds), strict=True)
        ]
        shares = [self.first.hidden_shares.get(fold) for fold in folds]
        known = [share for share in shares if share is not None]
        if len(known) < len(folds) or any(min(pair) <= 0 for pair in pairs):
            return None
        distances = [log(b) - log(a) for a, b in pairs]
        interval = paired_interval(distances, fmean(known), 1 - self.rules.error_rate)
        if interval is None:
            return None
        return _Distance(
            fmean(distances), interval.low, interval.high, "paired by fold"
        )

    def _by_interval(self, cell: Cell, found: "_Distance", higher: bool) -> Cell:
        least = log1p(self.rules.least_error)
        # Errors are better when lower; shares such as coverage, when higher.
        worse = (
            (-found.value, -found.high, -found.low)
            if higher
            else (found.value, found.low, found.high)
        )
        return replace(
            cell,
            verdict=verdict_on(*worse, least),
            effect=_ratio(found.value),
            low=_ratio(found.low),
            high=_ratio(found.high),
            reason=found.basis,
        )


def _values(scores: Scores, folds: list[str]) -> list[float]:
    return [value for of_fold in scores.by_fold(folds) for value in of_fold]


def _ratio(distance: float) -> float:
    """Return the relative difference, which may exceed what a float can hold."""
    return expm1(min(distance, 700.0))


@dataclass(frozen=True, slots=True)
class _Distance:
    """Logarithm of the second side's metric over the first's, and its interval."""

    value: float
    low: float
    high: float
    basis: str


def _seed_spread(scores: Scores, folds: list[str]) -> SeedSpread | None:
    """Return the spread over seeds relative to the mean; `None` if it is unknown."""
    found = seed_spread(scores.by_fold(folds), is_stochastic=scores.is_stochastic)
    return found and found.scaled(1 / scores.mean(folds))


def _identical(first: Scores, second: Scores, folds: list[str]) -> bool:
    """Return whether all predictions of both sides are identical."""
    for fold in folds:
        mine, other = first.digests.get(fold, {}), second.digests.get(fold, {})
        if not mine or mine != other or "" in mine.values():
            return False
    return True

"""Judges a metric of a subject.

A difference is judged by the best evidence available: predictions paired by user, else
the spread over seeds, else the differences on each fold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import expm1, log, log1p, sqrt
from statistics import fmean

from msgspec.structs import replace

from benchbox.analysis.compare.cell import Cell, Rules, new_cell, verdict_on
from benchbox.analysis.compare.sides import Scores, Side, Subject, common_folds
from benchbox.analysis.statistics.components import components
from benchbox.analysis.statistics.intervals import paired_interval
from benchbox.analysis.statistics.paired import Effect

Paired = Callable[[Subject, str], Effect | None]
"""Compares saved predictions on shared hidden ratings, if possible; in the effect, the
second side comes first."""

_NO_GROUNDS = "neither predictions to pair nor several seeds or folds to judge noise"


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
        seeds = [_seed_noise(scores, folds) for scores in (mine, other)]
        noise = max((s.deviation for s in seeds if s), default=None)
        cell = replace(cell, effect=second / first - 1, noise=noise)
        known = [s.of_mean for s in seeds if s]
        found = self._by_users(subject, cell.quantity, known)
        if found is None and len(known) == len(seeds):
            found = self._with_doubts(
                log(second / first), known, "by the spread over seeds"
            )
        if found is None:
            found = self._by_folds(mine, other, folds)
        if found is None:
            return replace(cell, reason=_NO_GROUNDS)
        return self._by_interval(cell, found, mine.higher_is_better)

    def _by_users(
        self, subject: Subject, metric: str, doubts: "list[_Doubt]"
    ) -> "_Distance | None":
        effect = self.paired(subject, metric)
        if effect is None or effect.n_users < 2:
            return None
        if effect.first <= 0 or effect.second <= 0:
            return None
        error = effect.standard_error / effect.second
        doubt = _Doubt(error**2, effect.n_users - 1)
        distance = log(effect.first / effect.second)
        return self._with_doubts(distance, [*doubts, doubt], "paired by user")

    def _with_doubts(
        self, distance: float, doubts: "list[_Doubt]", basis: str
    ) -> "_Distance":
        reach = _reach(doubts, self.rules.error_rate)
        return _Distance(distance, distance - reach, distance + reach, basis)

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
        distances = [log(b / a) for a, b in pairs]
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


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A variance of the logarithm of a metric, with its degrees of freedom."""

    variance: float
    n_free: float


@dataclass(frozen=True, slots=True)
class _SeedNoise:
    """The relative spread of a metric over fits with different seeds."""

    deviation: float
    of_mean: _Doubt


def _seed_noise(scores: Scores, folds: list[str]) -> _SeedNoise | None:
    by_fold = scores.by_fold(folds)
    n_free = sum(len(of_fold) - 1 for of_fold in by_fold)
    deviation = components(by_fold).seed_deviation
    if deviation is None:
        return None
    share = deviation / scores.mean(folds)
    n_fits = sum(map(len, by_fold))
    return _SeedNoise(share, _Doubt(share**2 / n_fits, n_free))


def _reach(doubts: list[_Doubt], error_rate: float) -> float:
    """Return the half-width of a confidence interval (Welch, 1947)."""
    from scipy.stats import t

    total = sum(doubt.variance for doubt in doubts)
    if not total:
        return 0.0
    n_free = total**2 / sum(d.variance**2 / d.n_free for d in doubts)
    return float(t.isf(error_rate / 2, n_free)) * sqrt(total)


def _identical(first: Scores, second: Scores, folds: list[str]) -> bool:
    """Return whether all predictions of both sides are identical."""
    for fold in folds:
        mine, other = first.digests.get(fold, {}), second.digests.get(fold, {})
        if not mine or mine != other or "" in mine.values():
            return False
    return True

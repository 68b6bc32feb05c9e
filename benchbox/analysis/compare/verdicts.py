"""Verdicts: SAME, BETTER, WORSE or UNSURE, for each subject and quantity."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import expm1, log, log1p, sqrt
from statistics import median
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec.structs import replace

from benchbox.analysis.compare.shift import n_needed, shift
from benchbox.analysis.compare.sides import Scores, Side, Subject, Times
from benchbox.analysis.statistics.components import components
from benchbox.analysis.statistics.paired import Effect

Verdict = Literal["SAME", "BETTER", "WORSE", "UNSURE"]

Paired = Callable[[Subject, str], Effect | None]
"""Pairs the predictions of both sides on the hidden ratings they share, if it can; the
second side comes first in the effect."""

_LEAST_OTHERS = 3
"""Other models needed to tell a slower machine from a slower model."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """When a difference is one.

    Attributes:
        error_rate: How often a cell may be called BETTER or WORSE for nothing.
        least_time: Share by which a time must differ to matter.
        least_error: Share by which a metric must differ to matter.
        trust_contended: Whether to judge times that other work has disturbed.
        trust_machines: Whether to judge times of different machines.
    """

    error_rate: float = 0.01
    least_time: float = 0.10
    least_error: float = 0.002
    trust_contended: bool = False
    trust_machines: bool = False


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One subject in one quantity.

    Attributes:
        where: Data set and protocol.
        who: The model.
        quantity: A metric or a phase; ``trials`` for whether it runs at all.
        verdict: Of the second side against the first.
        first: Value of the first side: a mean score, or median seconds.
        second: Value of the second side.
        effect: Second over first, less 1; `None` where there is nothing to compare.
        low: Lower end of the effect's interval, at 1 less the error rate.
        high: Upper end.
        noise: How far one measurement lies from the next, as a share: over rounds
            for a time, over seeds for a metric; `None` if unknown.
        n_first: Rounds or fits of the first side.
        n_second: Those of the second.
        reason: What the verdict rests on, or what it lacks.
    """

    where: str
    who: str
    quantity: str
    verdict: Verdict
    first: float | None = None
    second: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    noise: float | None = None
    n_first: int = 0
    n_second: int = 0
    reason: str = ""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All cells of two sides.

    Attributes:
        first: Name of the baseline.
        second: Name of what is judged.
        rules: When a difference is one.
        cells: One for each subject and quantity of both.
        notes: What makes the comparison less than it could be.
    """

    first: str
    second: str
    rules: Rules
    cells: list[Cell]
    notes: list[str]

    @property
    def is_worse(self) -> bool:
        """Whether anything got worse."""
        return any(cell.verdict == "WORSE" for cell in self.cells)


def compare_sides(
    first: Side,
    second: Side,
    *,
    rules: Rules | None = None,
    paired: Paired | None = None,
) -> Comparison:
    """Judge what *second* has measured against *first*.

    Metrics are compared on the same hidden ratings, after a look at whether the
    predictions are identical; times by rank over rounds that were interleaved with
    those of the other models.

    Args:
        first: The baseline.
        second: What is judged.
        rules: When a difference is one.
        paired: Compares predictions where they are kept; without it metrics are
            compared by their values and the spread over seeds.
    """
    judge = _Judge(first, second, rules or Rules(), paired or (lambda *_: None))
    both = [s for s in first.subjects if s in set(second.subjects)]
    cells = [cell for subject in both for cell in judge.cells(subject)]
    return Comparison(
        first=first.name,
        second=second.name,
        rules=judge.rules,
        cells=judge.without_drift(cells),
        notes=judge.notes(both),
    )


@dataclass(frozen=True, slots=True)
class _Judge:
    """The rules, and the two sides they are applied to."""

    first: Side
    second: Side
    rules: Rules
    paired: Paired

    def cells(self, subject: Subject) -> list[Cell]:
        """Return the cells of one subject: whether it runs, its metrics, its times."""
        broken = self._broken(subject)
        metrics = [q for s, q in self.first.scores if s == subject]
        phases = [q for s, q in self.first.times if s == subject]
        return [
            *broken,
            *(self._score(subject, q) for q in metrics if self._has_score(subject, q)),
            *(self._time(subject, q) for q in phases if self._has_time(subject, q)),
        ]

    def without_drift(self, cells: list[Cell]) -> list[Cell]:
        """Return *cells*, none called slower or faster by as much as all the others."""
        return [self._against_drift(cell, cells) for cell in cells]

    def notes(self, both: list[Subject]) -> list[str]:
        """Return what makes the comparison less than it could be."""
        said = []
        if not both:
            said.append("Nothing was measured by both: no model, data and protocol.")
        if not self._same_machine:
            said.append(
                f"Times are of different machines: {self.first.machine_name}; "
                f"{self.second.machine_name}."
            )
        said += [
            f"The {name} differ: {first}; {second}."
            for name, first in self.first.conditions.items()
            if (second := self.second.conditions.get(name, first)) != first
        ]
        for side, other in ((self.first, self.second), (self.second, self.first)):
            only = [s.who for s in side.subjects if s not in set(other.subjects)]
            if only:
                said.append(f"Only in {side.name}: {', '.join(dict.fromkeys(only))}.")
        return said

    @property
    def _same_machine(self) -> bool:
        return self.first.machine == self.second.machine

    def _has_score(self, subject: Subject, metric: str) -> bool:
        return (subject, metric) in self.second.scores

    def _has_time(self, subject: Subject, phase: str) -> bool:
        return (subject, phase) in self.second.times

    def _broken(self, subject: Subject) -> list[Cell]:
        before, after = (side.failed.get(subject) for side in (self.first, self.second))
        if before is None and after is None:
            return []
        verdict: Verdict = "UNSURE" if before and after else "WORSE"
        if before and not after:
            verdict = "BETTER"
        reason = f"now {after}" if after else f"no longer {before}"
        return [_cell(subject, "trials", verdict, reason=reason)]

    def _score(self, subject: Subject, metric: str) -> Cell:
        mine, other = (
            side.scores[subject, metric] for side in (self.first, self.second)
        )
        folds = _common(mine.values, other.values)
        if mine.definition != other.definition:
            reason = "the metric is defined otherwise"
            return _cell(subject, metric, "UNSURE", reason=reason)
        if not folds:
            reason = "not the same hidden ratings: no fold has the same id"
            return _cell(subject, metric, "UNSURE", reason=reason)
        cell = _cell(
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
        return self._judged_score(subject, cell, mine, other, folds)

    def _judged_score(
        self,
        subject: Subject,
        cell: Cell,
        mine: Scores,
        other: Scores,
        folds: list[str],
    ) -> Cell:
        first, second = cell.first, cell.second
        if not first or not second or first < 0 or second < 0:
            return replace(cell, reason="a metric of 0 or below has no ratio")
        seeds = [_seed_noise(scores, folds) for scores in (mine, other)]
        noise = max((s.deviation for s in seeds if s), default=None)
        cell = replace(cell, effect=second / first - 1, noise=noise)
        effect = self.paired(subject, cell.quantity)
        distance, doubts = log(second / first), [s.of_mean for s in seeds if s]
        if effect is not None and effect.n_users > 1:
            error = effect.standard_error / effect.second
            doubts.append(_Doubt(error**2, effect.n_users - 1))
            distance = log(effect.first / effect.second)
            basis = "paired by user"
        elif len(doubts) == len(seeds):
            basis = "by the spread over seeds"
        else:
            reason = "neither predictions to pair nor several seeds to tell the noise"
            return replace(cell, reason=reason)
        reach = _reach(doubts, self.rules.error_rate)
        return self._by_interval(cell, distance, reach, mine.higher_is_better, basis)

    def _by_interval(
        self, cell: Cell, distance: float, reach: float, higher: bool, basis: str
    ) -> Cell:
        low, high = distance - reach, distance + reach
        least = log1p(self.rules.least_error)
        # Of an error less is better; of a share such as coverage, more.
        worse = (-distance, -high, -low) if higher else (distance, low, high)
        return replace(
            cell,
            verdict=_verdict(*worse, least),
            effect=expm1(distance),
            low=expm1(low),
            high=expm1(high),
            reason=basis,
        )

    def _time(self, subject: Subject, phase: str) -> Cell:
        mine, other = (side.times[subject, phase] for side in (self.first, self.second))
        folds = set(_common(mine.seconds, other.seconds))
        if not folds:
            reason = "not the same ratings: no fold has the same id"
            return _cell(subject, phase, "UNSURE", reason=reason)
        keep = self.rules.trust_contended
        a, b = (times.over(folds, with_contended=keep) for times in (mine, other))
        all_a, all_b = (
            times.over(folds, with_contended=True) for times in (mine, other)
        )
        n_disturbed = len(all_a) + len(all_b) - len(a) - len(b)
        enough = n_needed(self.rules.error_rate)
        shown = (a, b) if min(len(a), len(b)) >= enough else (all_a, all_b)
        if not all(shown) or min(map(min, shown)) <= 0:
            return _cell(subject, phase, "UNSURE", reason="no whole round to compare")
        cell = _cell(
            subject,
            phase,
            "UNSURE",
            first=median(shown[0]),
            second=median(shown[1]),
            effect=median(shown[1]) / median(shown[0]) - 1,
            noise=max(map(_spread, shown)) if min(map(len, shown)) > 1 else None,
            n_first=len(shown[0]),
            n_second=len(shown[1]),
        )
        if min(len(a), len(b)) < enough:
            return replace(cell, reason=_too_few(a, b, enough, n_disturbed))
        return self._judged_time(cell, a, b, mine)

    def _judged_time(
        self, cell: Cell, a: list[float], b: list[float], times: Times
    ) -> Cell:
        found = shift(
            [log(s) for s in a], [log(s) for s in b], error_rate=self.rules.error_rate
        )
        if found is None:
            return replace(
                cell, reason=_too_few(a, b, n_needed(self.rules.error_rate), 0)
            )
        cell = replace(
            cell,
            effect=expm1(found.value),
            low=expm1(found.low),
            high=expm1(found.high),
        )
        if not self._same_machine and not self.rules.trust_machines:
            return replace(cell, reason="timed on different machines")
        if abs(median(b) - median(a)) < times.least_seconds:
            least = times.least_seconds * 1000
            return replace(
                cell, verdict="SAME", reason=f"differs by less than {least:g} ms"
            )
        least = log1p(self.rules.least_time)
        verdict = _verdict(found.value, found.low, found.high, least)
        machines = "" if self._same_machine else ", on different machines"
        return replace(cell, verdict=verdict, reason=f"by rank{machines}")

    def _against_drift(self, cell: Cell, cells: list[Cell]) -> Cell:
        """Return *cell*, UNSURE if the other models differ as much as it does."""
        if cell.quantity not in {phase for _, phase in self.first.times}:
            return cell
        if cell.verdict not in ("BETTER", "WORSE") or cell.effect is None:
            return cell
        others = [
            log1p(c.effect)
            for c in cells
            if c.effect is not None
            and c.quantity == cell.quantity
            and (c.where, c.who) != (cell.where, cell.who)
        ]
        if len(others) < _LEAST_OTHERS:
            return cell
        drift = median(others)
        apart = abs(log1p(cell.effect) - drift)
        if apart >= log1p(self.rules.least_time):
            return cell
        return replace(
            cell,
            verdict="UNSURE",
            reason=f"the other models differ by {expm1(drift):+.0%} too: the machine, "
            f"or what they have in common",
        )


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A variance of the logarithm of a metric, and how well it is known."""

    variance: float
    n_free: float


@dataclass(frozen=True, slots=True)
class _SeedNoise:
    """How far fits with different seeds lie apart, as a share of the metric."""

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
    """Return how far an interval reaches to each side (Welch, 1947)."""
    from scipy.stats import t

    total = sum(doubt.variance for doubt in doubts)
    if not total:
        return 0.0
    n_free = total**2 / sum(d.variance**2 / d.n_free for d in doubts)
    return float(t.isf(error_rate / 2, n_free)) * sqrt(total)


def _cell(subject: Subject, quantity: str, verdict: Verdict, **values: Any) -> Cell:
    where, who = subject
    return Cell(where=where, who=who, quantity=quantity, verdict=verdict, **values)


def _common(first: Collection[str], second: Collection[str]) -> list[str]:
    return [fold for fold in first if fold in second]


def _identical(first: Scores, second: Scores, folds: list[str]) -> bool:
    """Return whether both predicted the same, in every fit."""
    for fold in folds:
        mine, other = first.digests.get(fold, {}), second.digests.get(fold, {})
        if not mine or mine != other or "" in mine.values():
            return False
    return True


def _spread(values: list[float]) -> float:
    """Return the interquartile range as a share of the median."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float((high - low) / middle)


def _too_few(a: list[float], b: list[float], enough: int, n_disturbed: int) -> str:
    clean = "undisturbed " if n_disturbed else ""
    return (
        f"{len(a)} and {len(b)} {clean}rounds; a verdict needs {enough} a side "
        f"(--repeats {enough})"
    )


def _verdict(value: float, low: float, high: float, least: float) -> Verdict:
    """Return the verdict on a difference of which less is better."""
    if low > 0 and value >= least:
        return "WORSE"
    if high < 0 and value <= -least:
        return "BETTER"
    return "SAME" if -least < low and high < least else "UNSURE"

"""Judges the time that a subject takes in a phase."""

from dataclasses import dataclass
from math import expm1, log, log1p
from statistics import median

import numpy as np
from msgspec.structs import replace

from benchbox.analysis.compare.cell import Cell, Rules, new_cell, verdict_on
from benchbox.analysis.compare.shift import n_needed, shift
from benchbox.analysis.compare.sides import (
    Round,
    Side,
    Subject,
    Times,
    common_folds,
)

_LEAST_OTHERS = 3
"""Number of other models needed to distinguish a slower machine from a slower model."""


@dataclass(frozen=True, slots=True)
class SpeedJudge:
    """Judges the times of two sides.

    Attributes:
        first: The baseline.
        second: The side to judge.
        rules: Rules of the comparison.
    """

    first: Side
    second: Side
    rules: Rules

    @property
    def same_machine(self) -> bool:
        """Whether both sides were timed on the same machine."""
        return self.first.machine == self.second.machine

    def cell(self, subject: Subject, phase: str) -> Cell:
        """Return the comparison of a phase that both sides have timed."""
        mine, other = (side.times[subject, phase] for side in (self.first, self.second))
        folds = set(common_folds(mine.seconds, other.seconds))
        if not folds:
            reason = "not the same ratings: no fold has the same id"
            return new_cell(subject, phase, "UNSURE", reason=reason)
        a, b = (times.over(folds, self._doubtful(times)) for times in (mine, other))
        all_a, all_b = (times.over(folds) for times in (mine, other))
        n_disturbed = len(all_a) + len(all_b) - len(a) - len(b)
        enough = n_needed(self.rules.error_rate)
        shown = (a, b) if min(len(a), len(b)) >= enough else (all_a, all_b)
        if not all(shown) or min(map(min, shown)) <= 0:
            return new_cell(
                subject, phase, "UNSURE", reason="no complete round to compare"
            )
        cell = new_cell(
            subject,
            phase,
            "UNSURE",
            unit="s",
            first=median(shown[0]),
            second=median(shown[1]),
            effect=median(shown[1]) / median(shown[0]) - 1,
            noise=max(map(_spread, shown)) if min(map(len, shown)) > 1 else None,
            n_first=len(shown[0]),
            n_second=len(shown[1]),
        )
        if min(len(a), len(b)) < enough:
            return replace(cell, reason=_too_few(a, b, enough, n_disturbed))
        return self._judged(cell, a, b, mine)

    def _doubtful(self, times: Times) -> set[Round]:
        # How much trials of one run slow each other down differs from run to run.
        return times.together if self.rules.trust_contended else times.contended

    def _judged(self, cell: Cell, a: list[float], b: list[float], times: Times) -> Cell:
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
        if not self.same_machine and not self.rules.trust_machines:
            return replace(cell, reason="timed on different machines")
        if abs(median(b) - median(a)) < times.least_seconds:
            least = times.least_seconds * 1000
            return replace(
                cell, verdict="SAME", reason=f"differs by less than {least:g} ms"
            )
        least = log1p(self.rules.least_time)
        verdict = verdict_on(found.value, found.low, found.high, least)
        machines = "" if self.same_machine else ", on different machines"
        return replace(cell, verdict=verdict, reason=f"by rank{machines}")

    def against_drift(self, cell: Cell, cells: list[Cell]) -> Cell:
        """Return *cell*, changed to UNSURE if the other models differ by as much."""
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
        beyond = abs(log1p(cell.effect) - drift)
        if beyond >= log1p(self.rules.least_time):
            return cell
        return replace(
            cell,
            verdict="UNSURE",
            reason=f"the other models differ by {expm1(drift):+.0%} too: the cause is "
            f"the machine, or something they share",
        )


def _spread(values: list[float]) -> float:
    """Return the interquartile range as a share of the median."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float((high - low) / middle)


def _too_few(a: list[float], b: list[float], enough: int, n_disturbed: int) -> str:
    clean = "undisturbed " if n_disturbed else ""
    return (
        f"{len(a)} and {len(b)} {clean}rounds; a verdict needs {enough} per side "
        f"(--repeats {enough})"
    )

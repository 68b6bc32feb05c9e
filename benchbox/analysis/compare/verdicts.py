"""Judges each subject and quantity as SAME, BETTER, WORSE or UNSURE."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from benchbox.analysis.compare.accuracy import AccuracyJudge, Paired
from benchbox.analysis.compare.cell import Cell, Rules, Verdict, new_cell
from benchbox.analysis.compare.sides import Side, Subject
from benchbox.analysis.compare.speed import SpeedJudge


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of two sides.

    Attributes:
        first: Name of the baseline.
        second: Name of the side to judge.
        rules: Rules of the comparison.
        cells: A cell for each subject and quantity that both sides have, and for each
            metric that only the first has.
        notes: Limitations of the comparison.
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
    """Judge the measurements of *second* against those of *first*.

    Metrics are compared on the same hidden ratings, unless predictions are identical.
    Times are compared by rank, over rounds that are interleaved with those of the other
    models.

    Args:
        first: The baseline.
        second: The side to judge.
        rules: Rules of the comparison.
        paired: Compares saved predictions; without it, metrics are compared by their
            values over seeds or folds.
    """
    rules = rules or Rules()
    accuracy = AccuracyJudge(first, second, rules, paired or (lambda *_: None))
    speed = SpeedJudge(first, second, rules)
    both = [s for s in first.subjects if s in set(second.subjects)]
    cells = []
    for subject in both:
        cells += _broken(first, second, subject)
        metrics = _shared(first.scores, second.scores, subject)
        phases = _shared(first.times, second.times, subject)
        cells += _vanished(first, second, subject)
        cells += [accuracy.cell(subject, metric) for metric in metrics]
        cells += [speed.cell(subject, phase) for phase in phases]
    return Comparison(
        first=first.name,
        second=second.name,
        rules=rules,
        # If all models are slower or faster by as much, the cause is not one model.
        cells=[speed.against_drift(cell, cells) for cell in cells],
        notes=list(_notes(first, second, both, speed.same_machine)),
    )


def _broken(first: Side, second: Side, subject: Subject) -> list[Cell]:
    before, after = (side.failed.get(subject) for side in (first, second))
    if before is None and after is None:
        return []
    verdict: Verdict = "UNSURE" if before and after else "WORSE"
    if before and not after:
        verdict = "BETTER"
    reason = f"now {after}" if after else f"no longer {before}"
    return [new_cell(subject, "trials", verdict, reason=reason)]


def _vanished(first: Side, second: Side, subject: Subject) -> Iterator[Cell]:
    """Yield a cell for each metric of the first side that the second lacks."""
    if subject in second.failed:
        return
    for (whose, metric), scores in first.scores.items():
        if whose == subject and (subject, metric) not in second.scores:
            yield new_cell(
                subject,
                metric,
                "WORSE",
                first=scores.mean(list(scores.values)),
                reason=f"{second.name} does not have this metric",
            )


def _shared(
    first: Mapping[tuple[Subject, str], Any],
    second: Mapping[tuple[Subject, str], Any],
    subject: Subject,
) -> list[str]:
    """Return the quantities of a subject that both sides have."""
    return [q for s, q in first if s == subject and (s, q) in second]


def _notes(
    first: Side, second: Side, both: list[Subject], same_machine: bool
) -> Iterator[str]:
    """Yield the limitations of the comparison."""
    if not both:
        yield "The two have no model, data set and protocol in common."
    if not same_machine:
        yield (
            f"Times are from different machines: {first.machine_name}; "
            f"{second.machine_name}."
        )
    for name, before in first.conditions.items():
        if (after := second.conditions.get(name, before)) != before:
            yield f"The {name} differ: {before}; {after}."
    for side, other in ((first, second), (second, first)):
        only = [s.who for s in side.subjects if s not in set(other.subjects)]
        if only:
            yield f"Only in {side.name}: {', '.join(dict.fromkeys(only))}."

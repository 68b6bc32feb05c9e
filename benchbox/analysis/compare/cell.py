"""Cells: what is said of one subject in one quantity, and by which rules."""

from typing import Any, Literal

import msgspec

from benchbox.analysis.compare.sides import Subject

Verdict = Literal["SAME", "BETTER", "WORSE", "UNSURE"]


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


def new_cell(subject: Subject, quantity: str, verdict: Verdict, **values: Any) -> Cell:
    """Return the cell of a subject."""
    where, who = subject
    return Cell(where=where, who=who, quantity=quantity, verdict=verdict, **values)


def verdict_on(value: float, low: float, high: float, least: float) -> Verdict:
    """Return the verdict on a difference of which less is better.

    Args:
        value: The difference.
        low: Lower end of its interval.
        high: Upper end.
        least: How large a difference must be to matter.
    """
    if low > 0 and value >= least:
        return "WORSE"
    if high < 0 and value <= -least:
        return "BETTER"
    return "SAME" if -least < low and high < least else "UNSURE"

"""The result of a comparison for one subject and quantity, and the rules for it."""

from typing import Any, Literal

import msgspec

from benchbox.analysis.compare.sides import Subject

Verdict = Literal["SAME", "BETTER", "WORSE", "UNSURE"]


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that decide when a difference counts.

    Attributes:
        error_rate: Share of equal cells that may be called BETTER or WORSE by mistake.
        least_time: Relative difference of times that matters.
        least_error: Relative difference of metrics that matters.
        trust_contended: Whether to judge times that other work disturbed.
        trust_machines: Whether to judge times from different machines.
        across_kinds: Whether to judge metrics where only one side is told when each
            question is asked.
    """

    error_rate: float = 0.01
    least_time: float = 0.10
    least_error: float = 0.002
    trust_contended: bool = False
    trust_machines: bool = False
    across_kinds: bool = False


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of one subject by one quantity.

    Attributes:
        where: Data set and protocol.
        who: Model.
        quantity: A metric or a phase; ``trials`` for whether the model runs at all.
        unit: Unit of both values: ``s`` for seconds; empty for a metric.
        verdict: Verdict on the second side against the first.
        first: Value of the first side: the mean score over common folds, or the median
            over rounds of the seconds of all common folds together.
        second: Value of the second side.
        effect: Second divided by first, minus 1; `None` if they cannot be compared.
        low: Lower end of the effect's confidence interval, at 1 minus the error rate.
        high: Upper end of the effect's confidence interval.
        noise: Relative spread of single measurements: over rounds for a time, over
            seeds for a metric; `None` if unknown.
        n_first: Number of rounds or fits of the first side.
        n_second: Number of rounds or fits of the second side.
        reason: Basis of the verdict, or why there is none.
    """

    where: str
    who: str
    quantity: str
    unit: str = ""
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
    """Return the verdict on a difference; negative is better.

    Args:
        value: The difference.
        low: Lower end of its confidence interval.
        high: Upper end of its confidence interval.
        least: Smallest difference that matters.
    """
    if low > 0 and value >= least:
        return "WORSE"
    if high < 0 and value <= -least:
        return "BETTER"
    return "SAME" if -least < low and high < least else "UNSURE"

"""Selects the metrics by which the stored predictions of a run can be scored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchbox.errors import UsageError, nearest
from benchbox.metrics import Metric
from benchbox.records import MetricRecord, RunRecord, StageRecord

_DEFINING = ("name", "unit", "higher_is_better", "pooling", "definition")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The metrics of an analysis.

    Attributes:
        headline: Metric by which models are ordered and compared; it has a term.
        with_term: All metrics of the run that have a term, in the run's order.
        unknown: Titles of the run's metrics that are not installed, or are defined
            differently now.
    """

    headline: Metric
    with_term: tuple[Metric, ...]
    unknown: tuple[str, ...]

    def on(self, stage: StageRecord) -> list[Metric]:
        """Return the metrics of a stage; flawed ones only if its protocol is flawed."""
        return [m for m in self.with_term if stage.flaw or not m.flaw]


def measures_of(
    run: RunRecord, installed: Sequence[Metric], headline: str = ""
) -> Measures:
    """Return the metrics by which the predictions of a run can be scored.

    Args:
        run: The run.
        installed: Installed metrics.
        headline: Name of the metric to compare models by; the run's first by default.

    Raises:
        UsageError: The run has no such metric, or models cannot be compared by it.
    """
    found = as_recorded(run.metrics, installed)
    name = headline or run.metrics[0].name
    with_term = tuple(m for m in found.values() if m.term is not None)
    choices = {m.name: m for m in with_term if not m.flaw}
    if name not in choices:
        known = {metric.name for metric in run.metrics}
        raise UsageError(
            f"Models of run {run.id} cannot be compared by {name!r}: "
            f"{_why_not(name, known, found)}{nearest(name, choices)} "
            f"Choose one of: {', '.join(choices) or 'none is left'}."
        )
    return Measures(
        headline=choices[name],
        with_term=with_term,
        unknown=tuple(m.title for m in run.metrics if m.name not in found),
    )


def as_recorded(
    records: Iterable[MetricRecord], installed: Iterable[Metric]
) -> dict[str, Metric]:
    """Return, by name, the installed metrics whose definition matches *records*."""
    at_hand = {metric.name: metric for metric in installed}
    return {
        record.name: at_hand[record.name]
        for record in records
        if record.name in at_hand
        and all(
            getattr(record, name) == getattr(at_hand[record.name], name)
            for name in _DEFINING
        )
    }


def _why_not(name: str, known: set[str], found: dict[str, Metric]) -> str:
    if name not in known:
        return "it has no such metric."
    if name not in found:
        return "it is not installed, or its definition has changed since."
    if found[name].flaw:
        return "it is flawed."
    return "it is not a mean over ratings (it has no term)."

"""Checks what a trial reports about itself, before anything uses it.

A trial runs the code of a model, which may send anything. A report that contradicts
itself, or what the runner has measured, fails that trial and no other.
"""

from collections.abc import Iterator, Mapping

import msgspec

from benchbox.errors import ModelError
from benchbox.models import LARGEST_COUNT
from benchbox.records import (
    MOST_EPOCHS,
    MOST_LATENCY_CASES,
    MOST_LATENCY_SAMPLES,
    TrialOutcome,
    within_bounds,
)

PHASES = ("start", "load", "fit", "predict", "distribution", "latency")
"""Phases whose seconds a trial may tell."""

_OWN_ENDINGS = ("ok", "failed", "out-of-memory")
"""How a trial can say that it has ended; all else is for the runner to say."""

_SLACK = 1.05
_SLACK_SECONDS = 1.0
"""By which the clocks of trial and runner may differ."""

_UNTOLD = 1.25
_UNTOLD_SECONDS = 3.0
"""By which a phase may last longer than is told of it: a machine with other work hears
late that it has ended, and reading and checking are no part of what is told."""


def checked_outcome(
    outcome: TrialOutcome,
    elapsed_seconds: float,
    seen: Mapping[str, float] = {},
) -> TrialOutcome:
    """Return what a trial reports, within the limits of its record.

    Args:
        outcome: What it said.
        elapsed_seconds: Wall-clock seconds it ran, as the runner saw it.
        seen: Wall-clock seconds of its phases, as the runner saw them.

    Raises:
        ModelError: It cannot be true.
    """
    if outcome.status not in _OWN_ENDINGS:
        raise _untrue(f"its status is {outcome.status!r}")
    _check_sizes(outcome)
    _check_phases(outcome, elapsed_seconds)
    _check_clock(outcome, seen)
    numbers = [*_counts(outcome), *_durations(outcome), *_laps(outcome)]
    if any(n is not None and not 0 <= n <= LARGEST_COUNT for n in numbers):
        raise _untrue("a count or a duration is below 0, or out of all proportion")
    return within_bounds(outcome)


def _check_sizes(outcome: TrialOutcome) -> None:
    if max(len(outcome.curve), len(outcome.refit_curve)) > MOST_EPOCHS:
        raise _untrue(f"it reports more than {MOST_EPOCHS:,} epochs")
    samples = [len(case.samples_seconds) for case in outcome.latency]
    most = max(samples, default=0)
    if len(samples) > MOST_LATENCY_CASES or most > MOST_LATENCY_SAMPLES:
        raise _untrue("it holds more samples of latency than there can be")


def _check_phases(outcome: TrialOutcome, elapsed_seconds: float) -> None:
    unknown = {*outcome.wall_seconds, *outcome.cpu_seconds} - set(PHASES)
    if unknown:
        raise _untrue(f"there is no phase {min(unknown)[:20]!r}")
    told = sum(outcome.wall_seconds.values())
    if told > elapsed_seconds * _SLACK + _SLACK_SECONDS:
        raise _untrue(
            f"its phases took {told:.4g} s, but it ran for {elapsed_seconds:.4g} s"
        )


def _check_clock(outcome: TrialOutcome, seen: Mapping[str, float]) -> None:
    # A trial that failed may have left a phase before its clock was read.
    if outcome.status != "ok":
        return
    for phase, lasted in seen.items():
        told = outcome.wall_seconds.get(phase, 0.0)
        if lasted > told * _UNTOLD + _UNTOLD_SECONDS:
            raise _untrue(
                f"its {phase} took {told:.4g} s, but by the runner's clock "
                f"{lasted:.4g} s"
            )


def _counts(outcome: TrialOutcome) -> Iterator[float | None]:
    yield outcome.n_steps
    yield outcome.chosen_epoch
    yield outcome.n_parameters
    yield outcome.parameter_bytes
    yield outcome.idle_memory_bytes
    yield outcome.peak_memory_bytes
    yield outcome.peak_accelerator_bytes
    yield outcome.reserved_accelerator_bytes


def _durations(outcome: TrialOutcome) -> Iterator[float | None]:
    yield from outcome.wall_seconds.values()
    yield from outcome.cpu_seconds.values()
    yield outcome.ready_seconds
    steps = [] if outcome.steps is None else [outcome.steps]
    for found in (*steps, *(case.durations for case in outcome.latency)):
        yield from msgspec.structs.astuple(found)
    for case in outcome.latency:
        yield from (case.n_pairs, case.n_warm_up)
        yield from case.samples_seconds


def _laps(outcome: TrialOutcome) -> Iterator[float | None]:
    for report in (*outcome.curve, *outcome.refit_curve):
        yield report.epoch
        yield report.n_epochs
        yield report.wall_seconds
        yield report.cpu_seconds


def _untrue(how: str) -> ModelError:
    return ModelError(f"what the trial said of itself cannot be true: {how}")

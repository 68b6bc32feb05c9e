"""What accelerators lacked in the trials of a table, and what was done about it."""

from collections import Counter
from collections.abc import Iterable

from benchbox.errors import counted
from benchbox.machine import STEP_EVENTS
from benchbox.records import TrialRecord


def what_accelerators_lacked(trials: list[TrialRecord]) -> list[str]:
    """Return a sentence for each thing of which a device had too little, or none."""
    good = [trial for trial in trials if trial.status == "ok"]
    return [*_memory(good), *_events(good)]


def _memory(trials: list[TrialRecord]) -> Iterable[str]:
    halved = [trial for trial in trials if trial.halvings]
    times = Counter((trial.label, 2**trial.halvings) for trial in halved)
    if times:
        devices = ", ".join(sorted({trial.device for trial in halved}))
        which = "; ".join(
            f"{label} by {divisor} in {counted(n, 'trial')}"
            for (label, divisor), n in sorted(times.items())
        )
        yield (
            f"⚠ The memory of {devices} was too small for the batch_size of these "
            f"models, so it was divided, which changes their scores: {which}."
        )


def _events(trials: list[TrialRecord]) -> Iterable[str]:
    timed = {
        trial.device
        for trial in trials
        if STEP_EVENTS in trial.gauges.missing and trial.steps is not None
    }
    if timed:
        yield (
            f"{', '.join(sorted(timed))} has no events to time steps with: the host "
            f"timed every sixteenth step and waited for the device before and after it."
        )

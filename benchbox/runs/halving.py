"""Fits with half the batch, where an accelerator has too little memory for it."""

from collections.abc import Iterator
from dataclasses import replace

from benchbox.records import TrialRecord
from benchbox.runs.plan import PlannedTrial

_MOST_HALVINGS = 5

_OPTION = "batch_size"


def halved(trial: PlannedTrial, record: TrialRecord) -> PlannedTrial | None:
    """Return *trial* with half the batch; `None` if that is no use, or not permitted.

    The spec of the model permits it. A size that tuning tries or chose stays as it is.

    Args:
        trial: A trial that has ended.
        record: How it ended.
    """
    if record.status != "out-of-memory" or not record.device_is_full:
        return None
    return next(_halvings(trial), None)


def with_any_batch(trial: PlannedTrial) -> list[PlannedTrial]:
    """Return *trial*, and what it may have become on a device with little memory."""
    return [trial, *_halvings(trial)]


def _halvings(trial: PlannedTrial) -> Iterator[PlannedTrial]:
    size = trial.model.options.get(_OPTION)
    permitted = trial.model.capabilities.halves_batches
    if not permitted or not isinstance(size, int) or _OPTION in trial.chosen.options:
        return
    while size > 1 and trial.halvings < _MOST_HALVINGS:
        trial, size = replace(trial, halvings=trial.halvings + 1), size // 2
        yield trial

"""Limits on what a trial may report, and on how much of it is stored."""

from collections.abc import Mapping

import msgspec

from benchbox.errors import one_line
from benchbox.records.trial_job import TrialOutcome

MOST_REASON_CHARACTERS = 1_000
MOST_NOTES = 100
MOST_NOTE_CHARACTERS = 1_000
MOST_NAME_CHARACTERS = 100
"""For names of notes, settings and phases."""

MOST_EPOCHS = 100_000
"""Epochs of one fit that are reported; nobody could look at a longer curve."""

MOST_QUESTIONS = 10
"""How often a trial is asked for predictions."""

MOST_LATENCY_CASES = 32
MOST_LATENCY_SAMPLES = 1_000

MOST_TRIAL_BYTES = 64 << 20
"""All messages of a trial together; a curve of `MOST_EPOCHS` takes a quarter of it."""

MOST_MESSAGE_BYTES = 1 << 20
"""One message between runner and zygote."""

MOST_LOG_BYTES = 1 << 20
"""What a trial prints: of more, the beginning and the end are kept."""


def within_bounds(outcome: TrialOutcome) -> TrialOutcome:
    """Return *outcome* with each text in one printable line of bounded length."""
    return msgspec.structs.replace(
        outcome,
        reason=one_line(outcome.reason, MOST_REASON_CHARACTERS),
        notes=_texts(outcome.notes),
        settings=_texts(outcome.settings),
        missing=_texts(outcome.missing),
    )


def _texts(texts: Mapping[str, str]) -> dict[str, str]:
    kept = list(texts.items())[:MOST_NOTES]
    return {
        one_line(name, MOST_NAME_CHARACTERS): one_line(text, MOST_NOTE_CHARACTERS)
        for name, text in kept
    }

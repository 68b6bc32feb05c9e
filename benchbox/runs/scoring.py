"""Scores predictions of hidden ratings by all metrics of a run.

Metrics come from plugins. They are handed the truth to read, never to write, and what
goes wrong in one costs its own figure.
"""

from dataclasses import dataclass
from typing import Any

from benchbox.errors import ModelError, error_line, shown
from benchbox.metrics import Distribution, Metric, Score, Scored
from benchbox.models import as_count, as_number
from benchbox.ratings import Values
from benchbox.records import MOST_SCORE, ScoreRecord, TrialRecord
from benchbox.runs.plan import PlannedTrial


@dataclass(frozen=True, slots=True)
class Scores:
    """What predictions score.

    Attributes:
        records: The score of each metric, by its name; without a value if it failed.
        troubles: Why metrics failed, by the name of the note that says so.
    """

    records: dict[str, ScoreRecord]
    troubles: dict[str, str]


def scores(
    predicted: Values, trial: PlannedTrial, distribution: Distribution | None = None
) -> Scores:
    """Return the score by metric.

    Args:
        predicted: Unclipped prediction per hidden rating, shape ``(n,)``; clipped here
            if the run clips.
        trial: Trial with the hidden ratings and the metrics.
        distribution: Predicted distribution per hidden rating, clipped here as the
            predictions are; `None` if the model predicts none.
    """
    hidden = trial.fold.hidden
    scored = Scored.of(hidden, predicted, distribution, clips=trial.plan.config.clip)
    is_flawed = bool(trial.fold.protocol.flaw)
    found = Scores({}, {})
    for metric in trial.plan.metrics:
        if metric.flaw and not is_flawed:
            continue
        if metric.needs_distribution and distribution is None:
            continue
        try:
            found.records[metric.name] = _score(metric, scored)
        except ModelError as error:
            found.records[metric.name] = ScoreRecord(None, 0, len(scored.actual))
            found.troubles[_note_of(metric.name)] = str(error)
    return found


def _note_of(metric: str) -> str:
    """Return the name of the note that says why *metric* has no figure."""
    return f"metric {metric}"


def failed_metrics(trial: TrialRecord) -> dict[str, str]:
    """Return which metrics failed in a trial, and why."""
    return {
        name: trial.notes[_note_of(name)]
        for name, score in trial.metrics.items()
        if score.value is None and _note_of(name) in trial.notes
    }


def _score(metric: Metric, scored: Scored) -> ScoreRecord:
    # Here a plugin's code runs: whatever it throws costs its figure alone.
    try:
        found: Any = metric.function(scored)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001
        raise ModelError(f"it failed: {error_line(error)}") from None
    if not isinstance(found, Score):
        raise ModelError(f"it returned {shown(found)}, not a Score")
    n_scored = as_count(found.n_scored, "its n_scored")
    n_excluded = as_count(found.n_excluded, "its n_excluded")
    if found.value is None:
        return ScoreRecord(None, n_scored, n_excluded)
    value = as_number(found.value, "its value")
    if not abs(value) <= MOST_SCORE:
        raise ModelError(f"its value is {value:g}")
    return ScoreRecord(value, n_scored, n_excluded)

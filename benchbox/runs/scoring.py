"""Scores predictions of hidden ratings by all metrics of a run."""

from benchbox.metrics import Metric, Scored
from benchbox.ratings import Values
from benchbox.records import ScoreRecord
from benchbox.runs.plan import PlannedTrial


def scores(predicted: Values, trial: PlannedTrial) -> dict[str, ScoreRecord]:
    """Return the score by metric.

    Args:
        predicted: Unclipped prediction per hidden rating, shape ``(n,)``; clipped here
            if the run clips.
        trial: Trial with the hidden ratings and the metrics.
    """
    hidden = trial.fold.hidden
    scored = Scored(
        predicted=hidden.scale.clip(predicted) if trial.plan.config.clip else predicted,
        actual=hidden.values,
        users=hidden.users,
        items=hidden.items,
        n_items=hidden.n_items,
    )
    is_flawed = bool(trial.fold.protocol.flaw)
    metrics = [m for m in trial.plan.metrics if is_flawed or not m.flaw]
    return {m.name: _score(m, scored) for m in metrics}


def _score(metric: Metric, scored: Scored) -> ScoreRecord:
    score = metric.function(scored)
    return ScoreRecord(score.value, score.n_scored, score.n_excluded)

"""Computes leaderboards, one per data set and protocol, from trial records."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from statistics import fmean

from benchbox.analysis import paired_interval
from benchbox.metrics import RMSE
from benchbox.plugins import ColumnSpec
from benchbox.records import (
    NOT_ENFORCED,
    MetricRecord,
    RunRecord,
    StageRecord,
    TrialRecord,
)
from benchbox.reports.accelerators import what_accelerators_lacked
from benchbox.reports.citations import NO_CITATIONS, Citations, Cited, cited
from benchbox.reports.machines import several_machines
from benchbox.reports.rows import Row, Summary, row_of, untimed
from benchbox.reports.view import WHOLE, View

_ROUNDING = 1e-6
"""Relative difference that may come from rounding."""

_LUCK = 3.0
"""Number of standard deviations by which the noise may fall below its floor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """All models on one data set under one protocol, best first.

    Attributes:
        stage: Data set and protocol of all numbers.
        metrics: Definitions of the metrics.
        rows: Models with all folds, ordered by the first metric; then the others.
        troubles: Trials that did not succeed.
        reference: Score of the bias model by metric, mean over folds; metrics that
            lack a fold are left out.
        columns: Columns that plugins add.
        unconfined: What a trial says that nothing kept from other files; else empty.
        remarks: Sentences on what accelerators lacked in these trials.
        trials: All its trials that have ended.
        machines: The machines of its trials, if there are several; times and memory
            are then left out.
        view: Columns, order and decimals that the user chose.
        citations: What installed packages ask to cite.
    """

    stage: StageRecord
    metrics: list[MetricRecord]
    rows: list[Row]
    troubles: list[TrialRecord]
    reference: dict[str, float]
    columns: Sequence[ColumnSpec] = ()
    unconfined: str = ""
    remarks: Sequence[str] = ()
    trials: Sequence[TrialRecord] = ()
    machines: Sequence[str] = ()
    view: View = WHOLE
    citations: Citations = NO_CITATIONS


def leaderboards(
    run: RunRecord, trials: list[TrialRecord], columns: Sequence[ColumnSpec] = ()
) -> list[Leaderboard]:
    """Return a table per data set and protocol; definitions are never mixed.

    Args:
        run: The run.
        trials: Its trials.
        columns: Columns that plugins add.
    """
    boards = []
    for number, stage in enumerate(run.stages):
        mine = [t for t in trials if t.stage == number]
        machines = several_machines(run, mine)
        by_model: dict[int, list[TrialRecord]] = {}
        for trial in mine:
            by_model.setdefault(trial.model, []).append(trial)
        rows = [
            row_of(run, stage, model, by_model.get(model, []), columns)
            for model in stage.participants(run)
        ]
        if machines:
            rows = [untimed(row) for row in rows]
        reference = _reference(run, stage, mine)
        headline = run.metrics[0]
        ranked = _with_front(_ranked(rows, headline, stage), headline)
        boards.append(
            Leaderboard(
                stage=stage,
                metrics=run.metrics,
                rows=[
                    _flagged(row, run.metrics[0], stage, reference) for row in ranked
                ],
                reference=reference,
                troubles=[t for t in mine if t.status != "ok"],
                columns=columns,
                unconfined=_unconfined(mine),
                remarks=what_accelerators_lacked(mine),
                trials=mine,
                machines=machines,
            )
        )
    return boards


def sources(board: Leaderboard) -> list[Cited]:
    """Return the publications of the data set and the models of a table."""
    models = [row.source for row in board.rows]
    return cited(board.citations, board.stage.dataset, models)


def _unconfined(trials: list[TrialRecord]) -> str:
    said = (t.confined for t in trials if t.confined.startswith(NOT_ENFORCED))
    return next(said, "")


def _ranked(rows: list[Row], headline: MetricRecord, stage: StageRecord) -> list[Row]:
    sign = -1 if headline.higher_is_better else 1
    ranked = sorted(
        (row for row in rows if headline.name in row.summaries),
        key=lambda row: sign * row.summaries[headline.name].mean,
    )
    rest = [row for row in rows if headline.name not in row.summaries]
    share = fmean(f.n_hidden / f.n_train for f in stage.folds)
    marked = []
    for row in ranked:
        like = [one for one in ranked if one.asks_times == row.asks_times]
        best = like[0].summaries[headline.name]
        marked.append(_marked(row, headline.name, best, share, len(like)))
    return marked + rest


def _marked(
    row: Row, metric: str, best: Summary, hidden_share: float, n_models: int
) -> Row:
    mine = row.summaries[metric]
    if mine is best:
        return replace(row, mark="best")
    pairs = zip(mine.by_fold, best.by_fold, strict=True)
    differences = [a - b for a, b in pairs]
    behind = paired_interval(differences, hidden_share, n_models=n_models)
    tied = behind is not None and 0.0 in behind
    return replace(row, mark="tied" if tied else "", behind=behind)


def _reference(
    run: RunRecord, stage: StageRecord, trials: list[TrialRecord]
) -> dict[str, float]:
    # All trials on a fold have the same reference scores.
    by_fold = {t.fold: t.reference for t in trials if t.reference}
    found = {}
    for metric in run.metrics:
        scores = [by_fold.get(f.name, {}).get(metric.name) for f in stage.folds]
        values = [score.value for score in scores if score and score.value is not None]
        if len(values) == len(stage.folds):
            found[metric.name] = fmean(values)
    return found


def _flagged(
    row: Row, headline: MetricRecord, stage: StageRecord, reference: dict[str, float]
) -> Row:
    summary, line = row.summaries.get(headline.name), reference.get(headline.name)
    if summary is None:
        return row
    if headline.name == RMSE.name:
        if _beats_floor(summary, stage):
            return replace(row, flag="better than the noise floor")
        if not min(summary.by_fold) and line != 0:
            return replace(row, flag="predicts hidden ratings exactly")
    sign = -1 if headline.higher_is_better else 1
    if line is not None and sign * (summary.mean - line) > _ROUNDING * abs(line):
        return replace(row, flag="worse than the bias model")
    return row


def _beats_floor(rmse: Summary, stage: StageRecord) -> bool:
    """Return whether an RMSE is lower than the noise in ratings and chance allow.

    A model may have seen the hidden ratings of one fold alone, so each is tested too.
    """
    if stage.noise_floor is None:
        return False
    n_hidden = [fold.n_hidden for fold in stage.folds]
    tested = zip((rmse.mean, *rmse.by_fold), (sum(n_hidden), *n_hidden), strict=True)
    # Standard deviation of the RMSE of n normal errors, for large n.
    return any(
        value < stage.noise_floor * (1 - _LUCK / sqrt(2 * n)) for value, n in tested
    )


def _with_front(rows: list[Row], headline: MetricRecord) -> list[Row]:
    """Mark the rows that no other row of their kind beats in accuracy and time."""
    sign = -1 if headline.higher_is_better else 1
    places = {
        number: (
            row.asks_times,
            sign * row.summaries[headline.name].mean,
            row.total_seconds,
        )
        for number, row in enumerate(rows)
        if headline.name in row.summaries
        and row.total_seconds is not None
        and not (row.n_hastened or row.is_contended)
    }
    beaten = {
        n
        for n, (kind, error, cost) in places.items()
        if any(
            k == kind and e <= error and c <= cost and (e, c) != (error, cost)
            for k, e, c in places.values()
        )
    }
    return [
        replace(row, is_on_front=number in places and number not in beaten)
        for number, row in enumerate(rows)
    ]

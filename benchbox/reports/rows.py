"""What the trials of one model on one data set come to: a row of a leaderboard."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from statistics import fmean, median
from typing import Literal

from benchbox.analysis import Interval, spread
from benchbox.plugins import ColumnSpec
from benchbox.records import AskedAgain, RunRecord, StageRecord, TrialRecord, gravest
from benchbox.targets import resolve

Mark = Literal["best", "tied", ""]

Flag = Literal[
    "worse than the bias model",
    "better than the noise floor",
    "predicts hidden ratings exactly",
    "",
]

_HASTE = 10.0
"""By how much a repeat may be faster than the first fit, which it repeats."""

_LEAST_SECONDS = 0.1
"""Of the first fit; shorter ones differ by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One metric of one model over all folds and replicates.

    Attributes:
        mean: Mean over folds of the mean over replicates.
        by_fold: Mean over replicates per fold, in the order of the stage's folds.
        fold_deviation: Standard deviation over folds; `None` with one fold.
        seed_deviation: Standard deviation over replicates, averaged over folds;
            `None` with one replicate.
    """

    mean: float
    by_fold: tuple[float, ...]
    fold_deviation: float | None
    seed_deviation: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model in one table.

    Attributes:
        label: Model and changed options.
        source: Name and target of the model.
        n_ok: Number of successful trials.
        n_trials: Number of planned trials.
        summaries: Summary of each metric; empty unless each fold has a successful
            trial.
        coverage: Share of hidden ratings that the model predicted without fallback.
        fit_seconds: Wall-clock seconds of the fit, median over trials.
        ready_seconds: Wall-clock seconds from the data to the first predictions, median
            over trials.
        predict_seconds: Wall-clock seconds of prediction, median over trials.
        total_seconds: Wall-clock seconds from data to predictions, median over trials.
        tuning_seconds: Seconds spent on tuning options per fold, median over trials;
            `None` without tuning.
        pairs_per_second: Predicted pairs per second, median over trials.
        row_seconds: Median time of one call for all items of a user; `None` unless
            latency was measured.
        energy_joules: Energy of fit and prediction, median over trials, of the
            accelerator or else of the processors; `None` without a sensor.
        peak_memory_bytes: Peak memory, largest over trials.
        peak_accelerator_bytes: Peak accelerator memory, largest over trials; `None`
            without an accelerator.
        device: Device of the trials, such as ``cpu``; several are separated by commas.
        n_parameters: Number of learned parameters, largest over trials.
        asks_times: Whether it is told when each question is asked. Such models have
            further information; they are marked, tied and on the front among
            themselves, and so are the others.
        mark: Whether it is the best by the first metric, or not significantly worse.
        flag: Whether it is worse than the bias model, or better than should be
            possible.
        behind: Interval of the difference to the best by the first metric. The
            intervals of all rows together cover the true differences in 95 % of cases.
        is_on_front: Whether no other model is both better by the first metric and
            faster from data to predictions. Models with hastened repeats do not count,
            nor those whose trials all ran beside others.
        n_disturbed: Number of trials whose timing anything else disturbed.
        n_together: Number of trials that ran beside others of the run. If there are
            others, times are medians over those alone.
        n_hastened: Number of repeats that took less than a tenth of the first fit with
            the same seed.
        asked_again: Whether predictions depend on the other pairs asked for, by the
            gravest finding over trials; `None` if no trial tells.
        more: Cells of columns that plugins add, by column name.
    """

    label: str
    source: tuple[str, str] = ("", "")
    n_ok: int
    n_trials: int
    summaries: dict[str, Summary]
    coverage: float | None
    fit_seconds: float | None
    ready_seconds: float | None
    predict_seconds: float | None
    total_seconds: float | None
    tuning_seconds: float | None
    pairs_per_second: float | None
    row_seconds: float | None
    energy_joules: float | None
    peak_memory_bytes: int | None
    peak_accelerator_bytes: int | None
    device: str
    n_parameters: int | None
    asks_times: bool = False
    mark: Mark = ""
    flag: Flag = ""
    behind: Interval | None = None
    is_on_front: bool = False
    n_disturbed: int = 0
    n_together: int = 0
    n_hastened: int = 0
    asked_again: AskedAgain | None = None
    more: Mapping[str, float | str | None] = field(default_factory=dict)

    @property
    def is_contended(self) -> bool:
        """Whether its times are those of trials that ran beside others of the run."""
        return 0 < self.n_ok == self.n_together


def row_of(
    run: RunRecord,
    stage: StageRecord,
    model: int,
    trials: list[TrialRecord],
    columns: Sequence[ColumnSpec],
) -> Row:
    """Return what the trials of one model say, not yet set beside other models.

    Args:
        run: The run.
        stage: Data set and protocol.
        model: Number of the model in the run.
        trials: Its trials in this stage.
        columns: Columns that plugins add.
    """
    planned = run.models[model]
    good = [t for t in trials if t.status == "ok"]
    # Repeats have the same predictions; they only add timings.
    scored = [t for t in good if not t.repeat]
    by_fold: dict[str, list[TrialRecord]] = {f.name: [] for f in stage.folds}
    for trial in scored:
        by_fold[trial.fold].append(trial)
    complete = all(by_fold.values())
    hidden = sum(t.n_hidden for t in good)
    timed = best_timed(good)
    return Row(
        label=planned.label,
        source=(planned.name, planned.target),
        asks_times=planned.capabilities.uses_question_times,
        n_ok=len(good),
        n_trials=stage.n_planned(run, model),
        summaries={
            m.name: summary
            for m in run.metrics
            if complete and (summary := _summary(m.name, list(by_fold.values())))
        },
        coverage=sum(t.n_answered for t in good) / hidden if hidden else None,
        fit_seconds=_median([t.wall_seconds.get("fit") for t in timed]),
        ready_seconds=_median([t.ready_seconds for t in timed]),
        predict_seconds=_median([t.wall_seconds.get("predict") for t in timed]),
        total_seconds=_median([t.seconds_to_predictions for t in timed]),
        tuning_seconds=_median([t.tuning_seconds for t in timed]),
        pairs_per_second=_median([_pairs_per_second(t) for t in timed]),
        row_seconds=_median([_row_seconds(t) for t in timed]),
        energy_joules=_median([_energy_joules(t) for t in timed]),
        n_disturbed=sum(bool(t.contended) for t in good),
        n_together=sum(t.ran_beside_others for t in good),
        n_hastened=_n_hastened(good),
        asked_again=gravest(t.asked_again for t in good),
        peak_memory_bytes=_most([t.peak_memory_bytes for t in good]),
        peak_accelerator_bytes=_most([t.peak_accelerator_bytes for t in good]),
        device=", ".join(sorted({t.device for t in good})),
        n_parameters=_most([t.n_parameters for t in good]),
        more={column.name: _filled(column, good) for column in columns},
    )


def best_timed(trials: list[TrialRecord]) -> list[TrialRecord]:
    """Return the trials that ran alone, or else all of them."""
    return [trial for trial in trials if not trial.ran_beside_others] or trials


def untimed(row: Row) -> Row:
    """Return a row without what compares on one machine only."""
    return replace(
        row,
        fit_seconds=None,
        ready_seconds=None,
        predict_seconds=None,
        total_seconds=None,
        tuning_seconds=None,
        pairs_per_second=None,
        row_seconds=None,
        energy_joules=None,
        peak_memory_bytes=None,
        peak_accelerator_bytes=None,
    )


def _filled(column: ColumnSpec, trials: list[TrialRecord]) -> float | str | None:
    """Return a plugin's value for a cell; if the plugin fails, the cell says so."""
    if not trials:
        return None
    try:
        value = resolve(column.target)(deepcopy(trials))
    except Exception as error:  # noqa: BLE001
        return f"failed: {type(error).__name__}"
    return value if value is None or isinstance(value, str) else float(value)


def _summary(metric: str, folds: list[list[TrialRecord]]) -> Summary | None:
    values: list[list[float]] = []
    for trials in folds:
        scores = [t.metrics[metric].value for t in trials if metric in t.metrics]
        known = [score for score in scores if score is not None]
        if not known:
            return None
        values.append(known)
    means = tuple(fmean(of_fold) for of_fold in values)
    deviations = [d for of_fold in values if (d := spread(of_fold)) is not None]
    return Summary(
        mean=fmean(means),
        by_fold=means,
        fold_deviation=spread(means),
        seed_deviation=fmean(deviations) if deviations else None,
    )


def _pairs_per_second(trial: TrialRecord) -> float | None:
    seconds = trial.wall_seconds.get("predict")
    return trial.n_answered / seconds if seconds else None


def _n_hastened(trials: list[TrialRecord]) -> int:
    """Return how many repeats were so fast that they must know the first's work."""
    first = {(t.fold, t.replicate): _fit_seconds(t) for t in trials if not t.repeat}
    repeats = [t for t in trials if t.repeat]
    return sum(
        _fit_seconds(t) * _HASTE < one
        for t in repeats
        if (one := first.get((t.fold, t.replicate), 0.0)) >= _LEAST_SECONDS
    )


def _fit_seconds(trial: TrialRecord) -> float:
    return trial.wall_seconds.get("fit", 0.0)


def _row_seconds(trial: TrialRecord) -> float | None:
    rows = [r for r in trial.latency if r.case == "row" and not r.is_cold]
    return rows[0].durations.median_seconds if rows else None


def _energy_joules(trial: TrialRecord) -> float | None:
    joules = trial.gauges.accelerator_joules or trial.gauges.cpu_joules
    return None if joules is None else joules.get("fit", 0) + joules.get("predict", 0)


def _most(values: Sequence[int | None]) -> int | None:
    """Return the largest value, or `None` if all are 0 or missing."""
    return max((value or 0 for value in values), default=0) or None


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None

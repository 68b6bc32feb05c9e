"""Analysis: all that the stored predictions of a run tell, without fitting anew."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import combinations
from math import hypot
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from benchbox.breakdown import Breakdown, Slicing, break_down, joined, slicing
from benchbox.errors import ResultsError
from benchbox.metrics import Scored
from benchbox.protocols import Fold
from benchbox.ratings import Values
from benchbox.readings import READINGS
from benchbox.results import RunFolder, RunRecord, StageRecord, TrialRecord
from benchbox.seeding import derive_seed
from benchbox.statistics.components import Components, components
from benchbox.statistics.intervals import Interval, paired_interval, spread
from benchbox.statistics.paired import Effect, compare_all, groups
from benchbox.statistics.resampling import Estimate, Resampler
from benchbox.statistics.settle import (
    fits_needed,
    folds_needed,
    seeds_may_explain,
    users_needed,
)
from benchbox.statistics.totals import LOSSES, Floats, seen_users, summed

REFERENCE = "(bias model)"
"""How the reference line is called, where no model of the run is the very same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnalysis:
    """One model on one data set under one protocol.

    Attributes:
        label: Model and changed options.
        readings: Figure by definition, mean over folds and fits; `None` where nothing
            was left to score.
        n_read: Hidden ratings each definition scores, over all folds.
        estimates: Each pooled metric over all folds, with its interval over users.
        spread: RMSE over folds and over seeds.
        by_fold: RMSE per fold, mean over fits.
        breakdown: Errors by slice.
        group: Letters; models that share one are not told apart.
    """

    label: str
    readings: Mapping[str, float | None]
    n_read: Mapping[str, int]
    estimates: Mapping[str, Estimate]
    spread: Components
    by_fold: tuple[float, ...]
    breakdown: Breakdown
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two models on the same hidden ratings; the first has the lower RMSE.

    Attributes:
        first: Label of the first model.
        second: Label of the second.
        effect: Their difference over users, with p-values corrected for all pairs.
        over_folds: Interval of their mean difference over folds, refits included;
            `None` for one fold.
        n_users: Users that would tell them apart; `None` if nothing differs.
        n_folds: Folds that would; `None` if no number of them.
        n_fits: Fits a fold that keep seeds from hiding the difference.
        seeds_may_explain: Whether the spread over seeds could make the difference.
        sharper_over_users: How many times narrower the interval is than if the models
            had been scored on different users; `None` where it has no width.
        sharper_over_folds: The same of folds.
    """

    first: str
    second: str
    effect: Effect
    over_folds: Interval | None
    n_users: int | None
    n_folds: int | None
    n_fits: int | None
    seeds_may_explain: bool
    sharper_over_users: float | None
    sharper_over_folds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """All models of a run on one data set under one protocol, best first.

    Attributes:
        stage: Data set and protocol: the definition all figures share.
        clip: Whether predictions were moved onto the scale.
        models: Those with a prediction of every fold, by pooled RMSE.
        pairs: Every two of them, in that order.
        left_out: Labels of the other models.
    """

    stage: StageRecord
    clip: bool
    models: list[ModelAnalysis]
    pairs: list[Pair]
    left_out: list[str]


def check_folds(run: RunRecord, stage: StageRecord, folds: Sequence[Fold]) -> None:
    """Compare folds made now with those that the predictions of a run belong to.

    Raises:
        ResultsError: A fold is missing, or holds other ratings.
    """
    now = {fold.name: fold for fold in folds}
    for fold in stage.folds:
        found = now.get(fold.name)
        if found is None or found.id != fold.id:
            has = f"is {found.id} now" if found else "is not there now"
            changed = "split" if found and found.data_id == stage.data_id else "data"
            raise ResultsError(
                f"Fold {fold.name!r} of {stage.label} {has}, but was {fold.id} in run "
                f"{run.id}: the {changed} changed. Its stored predictions belong to "
                f"other ratings; load the data as they were, or run again."
            )


def analyse(
    run: RunRecord,
    number: int,
    folds: Sequence[Fold],
    folder: RunFolder,
    trials: Sequence[TrialRecord],
) -> Analysis:
    """Return what the stored predictions of one stage tell.

    Args:
        run: The run.
        number: Place of the stage in it.
        folds: The folds of the stage, made anew; see `check_folds`.
        folder: Where the predictions are.
        trials: Trials of the run.

    Raises:
        ResultsError: Predictions were not kept.
    """
    stage = run.stages[number]
    check_folds(run, stage, folds)
    by_name = {fold.name: fold for fold in folds}
    # A repeat is there for its timing alone.
    mine = [
        t for t in trials if t.stage == number and t.status == "ok" and not t.repeat
    ]
    tallies = [_Tally(label=model.label, n_users=stage.n_users) for model in run.models]
    reference = _Tally(label=REFERENCE, n_users=stage.n_users)
    for record in stage.folds:
        here = [t for t in mine if t.fold == record.name]
        if here:
            told = _Told(by_name[record.name], run.config.clip)
            for place, tally in enumerate(tallies):
                fits = [folder.predictions(t) for t in here if t.model == place]
                tally.add(told, fits)
            reference.add(told, [folder.reference(here[0])])
    n_folds = len(stage.folds)
    whole = [t for t in tallies if len(t.digests) == n_folds]
    if whole and all(t.digests != reference.digests for t in whole):
        whole.append(reference)
    left_out = [t.label for t in tallies if len(t.digests) != n_folds]
    seed = derive_seed(run.config.seed, "statistics", stage.data_id)
    return _analysis(run, stage, whole, left_out, seed)


class _Told:
    """The hidden ratings of one fold, and how they are parted."""

    def __init__(self, fold: Fold, clip: bool) -> None:
        hidden = self.hidden = fold.hidden
        self.clip = clip
        self.slicing: Slicing = slicing(fold.history.users, fold.train.items, hidden)
        self.is_cold: NDArray[np.bool_] = (self.slicing.activity[hidden.users] == 0) | (
            self.slicing.popularity[hidden.items] == 0
        )

    def scored(self, predictions: Values) -> Scored:
        hidden = self.hidden
        return Scored(
            predicted=hidden.scale.clip(predictions) if self.clip else predictions,
            actual=hidden.values,
            users=hidden.users,
            items=hidden.items,
        )


@dataclass(eq=False)
class _Tally:
    """What is added up of one model, fold by fold; a fold's fits are averaged."""

    label: str
    n_users: int
    digests: list[frozenset[bytes]] = field(default_factory=list)
    readings: dict[str, list[list[float | None]]] = field(default_factory=dict)
    n_read: dict[str, int] = field(default_factory=dict)
    breakdowns: list[list[Breakdown]] = field(default_factory=list)
    counts: dict[str, Floats] = field(default_factory=dict)
    losses: dict[str, Floats] = field(default_factory=dict)

    def add(self, told: _Told, fits: Sequence[Values]) -> None:
        if not fits:
            return
        scored = [told.scored(predictions) for predictions in fits]
        self.digests.append(
            frozenset(blake2b(s.predicted.tobytes()).digest() for s in scored)
        )
        self.breakdowns.append([break_down(s, told.slicing) for s in scored])
        for reading in READINGS:
            scores = [
                reading.of(s, predictions, told.is_cold)
                for s, predictions in zip(scored, fits, strict=True)
            ]
            values = [score.value for score in scores]
            self.readings.setdefault(reading.name, []).append(values)
            n = self.n_read.get(reading.name, 0) + scores[0].n_scored
            self.n_read[reading.name] = n
        for metric in LOSSES:
            self._add_losses(told, scored, metric)

    def _add_losses(self, told: _Told, scored: list[Scored], metric: str) -> None:
        hidden = told.hidden
        predictions = [s.predicted for s in scored]
        counts, losses = summed(
            hidden.values, predictions, hidden.users, self.n_users, metric
        )
        before = np.zeros(self.n_users)
        self.counts[metric] = self.counts.get(metric, before) + counts
        self.losses[metric] = self.losses.get(metric, before) + losses.mean(axis=0)

    @property
    def rmse(self) -> float:
        return float(np.sqrt(self.losses["rmse"].sum() / self.counts["rmse"].sum()))

    @property
    def by_fold(self) -> list[list[float]]:
        """RMSE of each fit on each fold."""
        folds = self.readings[READINGS[0].name]
        return [[v for v in fits if v is not None] for fits in folds]


def _analysis(
    run: RunRecord,
    stage: StageRecord,
    tallies: list[_Tally],
    left_out: list[str],
    seed: int,
) -> Analysis:
    tallies = sorted(tallies, key=lambda tally: tally.rmse)
    estimates = [_estimates(tally, seed) for tally in tallies]
    pairs = list(_pairs(stage, tallies, estimates, seed)) if tallies else []
    places = list(combinations(range(len(tallies)), 2))
    apart = {
        place
        for place, pair in zip(places, pairs, strict=True)
        if pair.effect.verdict in ("better", "worse")
    }
    letters = groups(len(tallies), apart)
    return Analysis(
        stage=stage,
        clip=run.config.clip,
        models=[
            _model(tally, group, estimated)
            for tally, group, estimated in zip(tallies, letters, estimates, strict=True)
        ],
        pairs=pairs,
        left_out=left_out,
    )


def _model(
    tally: _Tally, group: str, estimates: Mapping[str, Estimate]
) -> ModelAnalysis:
    fits = tally.by_fold
    return ModelAnalysis(
        label=tally.label,
        readings={
            name: _mean_over_folds(folds) for name, folds in tally.readings.items()
        },
        n_read=tally.n_read,
        estimates=estimates,
        spread=components(fits),
        by_fold=tuple(fmean(fold) for fold in fits),
        breakdown=joined(tally.breakdowns),
        group=group,
    )


def _estimates(tally: _Tally, seed: int) -> dict[str, Estimate]:
    found = {}
    for metric in LOSSES:
        losses = tally.losses[metric][np.newaxis]
        totals = seen_users(tally.counts[metric], losses, metric)
        if totals.n_users:
            found[metric] = Resampler(totals, seed=seed).value(0)
    return found


def _mean_over_folds(folds: list[list[float | None]]) -> float | None:
    known = [[v for v in fits if v is not None] for fits in folds]
    return fmean(fmean(fits) for fits in known) if all(known) else None


def _pairs(
    stage: StageRecord,
    tallies: list[_Tally],
    estimates: Sequence[Mapping[str, Estimate]],
    seed: int,
) -> Iterator[Pair]:
    losses = np.array([tally.losses["rmse"] for tally in tallies])
    totals = seen_users(tallies[0].counts["rmse"], losses, "rmse")
    same = {
        (a, b)
        for a, b in combinations(range(len(tallies)), 2)
        if tallies[a].digests == tallies[b].digests
    }
    share = fmean(fold.n_hidden / fold.n_train for fold in stage.folds)
    for (a, b), effect in compare_all(totals, same, seed=seed):
        fits = [tallies[place].by_fold for place in (a, b)]
        first, second = [[fmean(of_fold) for of_fold in own] for own in fits]
        differences = [mine - its for mine, its in zip(first, second, strict=True)]
        seeds = [components(own).seed_deviation or 0.0 for own in fits]
        alone = [estimates[place]["rmse"].standard_error for place in (a, b)]
        yield Pair(
            first=tallies[a].label,
            second=tallies[b].label,
            effect=effect,
            over_folds=paired_interval(differences, share),
            n_users=users_needed(effect),
            n_folds=folds_needed(differences, share),
            n_fits=fits_needed(effect.difference, seeds, len(stage.folds)),
            seeds_may_explain=seeds_may_explain(
                effect.difference, seeds, [sum(map(len, own)) for own in fits]
            ),
            sharper_over_users=_sharper(alone, effect.standard_error),
            sharper_over_folds=_sharper(
                [spread(values) or 0.0 for values in (first, second)],
                spread(differences),
            ),
        )


def _sharper(alone: Sequence[float], paired: float | None) -> float | None:
    """Return how much less a difference varies than two independent figures would."""
    return hypot(*alone) / paired if paired else None

"""Analyses the stored predictions of a run."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import isclose
from statistics import fmean

from benchbox.analysis.measures import Measures
from benchbox.analysis.pairs import compare_tallies
from benchbox.analysis.records import REFERENCE, Analysis, ModelAnalysis, Pair
from benchbox.analysis.statistics.components import components
from benchbox.analysis.statistics.paired import groups
from benchbox.analysis.statistics.resampling import Estimate, Resampler
from benchbox.analysis.tally import FoldTruth, Tally
from benchbox.errors import ResultsError
from benchbox.metrics import Metric, joined, pooled
from benchbox.models import Capabilities
from benchbox.protocols import Fold, older_rule
from benchbox.records import RunFolder, RunRecord, StageRecord, TrialRecord, gravest
from benchbox.seeding import derive_seed

_ROUNDING = 1e-6
"""Difference of two scores that may come from the order of sums."""


def check_folds(run: RunRecord, stage: StageRecord, folds: Sequence[Fold]) -> None:
    """Check that the folds are those that the run's predictions belong to.

    Raises:
        ResultsError: A fold is missing, or has other ratings.
    """
    now = {fold.name: fold for fold in folds}
    for fold in stage.folds:
        found = now.get(fold.name)
        if found is None or found.id != fold.id:
            has = f"is {found.id} now" if found else "does not exist now"
            same_data = found is not None and found.data_id == stage.data_id
            if same_data and (why := older_rule(stage.fold_format)):
                raise ResultsError(
                    f"Fold {fold.name!r} of {stage.label} {has}, but was {fold.id} in "
                    f"run {run.id}: {why}. Its tables can be reported and compared, "
                    f"but its stored predictions belong to other ratings; run again."
                )
            changed = "split" if same_data else "data"
            raise ResultsError(
                f"Fold {fold.name!r} of {stage.label} {has}, but was {fold.id} in run "
                f"{run.id}: the {changed} changed. Its stored predictions belong to "
                f"other ratings; restore the data, or run again."
            )


def analyse(
    run: RunRecord,
    number: int,
    folds: Sequence[Fold],
    folder: RunFolder,
    trials: Sequence[TrialRecord],
    measures: Measures,
    *,
    across_kinds: bool = False,
) -> Analysis:
    """Analyse the stored predictions of one stage.

    Args:
        run: The run.
        number: Number of the stage in the run, from 0.
        folds: The folds of the stage, split again; see `check_folds`.
        folder: Folder of the run, with its predictions.
        trials: Trials of the run.
        measures: Metrics of the analysis; see `measures_of`.
        across_kinds: Whether to compare models that are told when each question is
            asked with those that are not.

    Raises:
        ResultsError: Predictions were not saved, or the headline metric scores no
            hidden rating of a fold.
    """
    stage = run.stages[number]
    check_folds(run, stage, folds)
    # Repeats only add timings.
    mine = [
        t for t in trials if t.stage == number and t.status == "ok" and not t.repeat
    ]
    tallies, reference = _tallied(run, stage, folds, folder, mine, measures)
    n_folds = len(stage.folds)
    whole = [t for t in tallies if len(t.digests) == n_folds]
    if whole and all(t.digests != reference.digests for t in whole):
        whole.append(reference)
    _check_scored(stage, whole)
    seed = derive_seed(run.config.seed, "statistics", stage.data_id)
    models, pairs = _compared(
        stage, measures.headline, whole, seed, across_kinds=across_kinds
    )
    return Analysis(
        stage=stage,
        clip=run.config.clip,
        headline=measures.headline,
        metrics=measures.on(stage),
        models=models,
        pairs=pairs,
        left_out=[t.label for t in tallies if len(t.digests) != n_folds],
        across_kinds=across_kinds,
        unknown=measures.unknown,
        asked_again={
            model.label: gravest(t.asked_again for t in mine if t.label == model.label)
            for model in models
        },
    )


def _tallied(
    run: RunRecord,
    stage: StageRecord,
    folds: Sequence[Fold],
    folder: RunFolder,
    trials: Sequence[TrialRecord],
    measures: Measures,
) -> tuple[list[Tally], Tally]:
    """Return the tally of each model, and that of the bias model."""

    def new(label: str, can: Capabilities) -> Tally:
        return Tally(
            label=label,
            is_stochastic=can.stochastic,
            asks_times=can.uses_question_times,
            n_users=stage.n_users,
            headline=measures.headline,
            metrics=measures.on(stage),
        )

    by_name = {fold.name: fold for fold in folds}
    taking_part = {place: run.models[place] for place in stage.participants(run)}
    tallies = {
        place: new(model.label, model.capabilities)
        for place, model in taking_part.items()
    }
    reference = new(REFERENCE, Capabilities(stochastic=False))
    for record in stage.folds:
        here = [t for t in trials if t.fold == record.name]
        if here:
            truth = FoldTruth(by_name[record.name], run.config.clip)
            for place, tally in tallies.items():
                own = [t for t in here if t.model == place]
                tally.add(
                    truth,
                    [folder.predictions(t) for t in own],
                    [folder.distribution(t) for t in own],
                )
                if own:
                    _check_scores(own, measures.headline.name, tally.by_fold[-1])
            reference.add(truth, [folder.reference(here[0])])
    return list(tallies.values()), reference


def _check_scores(
    trials: Sequence[TrialRecord], metric: str, found: Sequence[float]
) -> None:
    """Check that trials recorded what their predictions score.

    Raises:
        ResultsError: One recorded another score.
    """
    # Fits that a metric is undefined for have no value.
    paired = zip(trials, found, strict=True) if len(found) == len(trials) else ()
    for trial, value in paired:
        recorded = trial.metrics.get(metric)
        if recorded is None or recorded.value is None:
            continue
        if not isclose(recorded.value, value, rel_tol=_ROUNDING, abs_tol=_ROUNDING):
            raise ResultsError(
                f"{trial.label} on fold {trial.fold} has the {metric} "
                f"{recorded.value:g} in its record, but its predictions have "
                f"{value:g}. Run it again."
            )


def _check_scored(stage: StageRecord, tallies: Sequence[Tally]) -> None:
    for tally in tallies:
        for fold, values in zip(stage.folds, tally.by_fold, strict=True):
            if not values:
                raise ResultsError(
                    f"{tally.headline.name!r} counts no hidden rating of fold "
                    f"{fold.name!r} of {stage.label}. Compare models by another metric."
                )


def _compared(
    stage: StageRecord,
    headline: Metric,
    tallies: Sequence[Tally],
    seed: int,
    *,
    across_kinds: bool,
) -> tuple[list[ModelAnalysis], list[Pair]]:
    """Return the models, best first, and the comparison of two of them each."""
    sign = -1 if headline.higher_is_better else 1
    ordered = sorted(tallies, key=lambda t: sign * t.totals(headline).values[0])
    if not ordered:
        return [], []
    estimates = [_estimates(tally, seed) for tally in ordered]
    every = list(combinations(range(len(ordered)), 2))
    places = [
        (a, b)
        for a, b in every
        if across_kinds or ordered[a].asks_times == ordered[b].asks_times
    ]
    pairs = list(compare_tallies(stage, headline, ordered, estimates, places, seed))
    # What was not compared shares no letter.
    different = set(every) - {
        place
        for place, pair in zip(places, pairs, strict=True)
        if pair.effect.verdict not in ("better", "worse")
    }
    letters = groups(len(ordered), different)
    models = [
        _model(tally, group, estimated)
        for tally, group, estimated in zip(ordered, letters, estimates, strict=True)
    ]
    return models, pairs


def _model(
    tally: Tally, group: str, estimates: Mapping[str, Estimate]
) -> ModelAnalysis:
    fits = tally.by_fold
    return ModelAnalysis(
        label=tally.label,
        asks_times=tally.asks_times,
        variants={
            name: _mean_over_folds(folds) for name, folds in tally.variants.items()
        },
        n_scored=tally.n_scored,
        estimates=estimates,
        spread=components(fits),
        by_fold=tuple(fmean(fold) for fold in fits),
        breakdown=joined(tally.breakdowns),
        group=group,
        reliability=pooled(tally.reliabilities) if tally.reliabilities else None,
    )


def _estimates(tally: Tally, seed: int) -> dict[str, Estimate]:
    found = {}
    for metric in tally.metrics:
        totals = tally.totals(metric)
        if totals.n_users:
            found[metric.name] = Resampler(totals, seed=seed).value(0)
    return found


def _mean_over_folds(folds: list[list[float | None]]) -> float | None:
    known = [[v for v in fits if v is not None] for fits in folds]
    return fmean(fmean(fits) for fits in known) if all(known) else None

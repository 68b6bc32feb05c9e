"""Analysis: all that the stored predictions of a run tell, without fitting anew."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean

import numpy as np

from benchbox.analysis.pairs import compare_tallies
from benchbox.analysis.records import REFERENCE as REFERENCE
from benchbox.analysis.records import Analysis as Analysis
from benchbox.analysis.records import ModelAnalysis as ModelAnalysis
from benchbox.analysis.records import Pair as Pair
from benchbox.analysis.statistics.components import components
from benchbox.analysis.statistics.paired import groups
from benchbox.analysis.statistics.resampling import Estimate, Resampler
from benchbox.analysis.tally import Tally, Told
from benchbox.errors import ResultsError
from benchbox.metrics import LOSSES, joined, seen_users
from benchbox.protocols import Fold
from benchbox.records import RunFolder, RunRecord, StageRecord, TrialRecord
from benchbox.seeding import derive_seed


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
    takers = stage.takers(run)
    tallies = [
        Tally(label=run.models[place].label, n_users=stage.n_users) for place in takers
    ]
    reference = Tally(label=REFERENCE, n_users=stage.n_users)
    for record in stage.folds:
        here = [t for t in mine if t.fold == record.name]
        if here:
            told = Told(by_name[record.name], run.config.clip)
            for place, tally in zip(takers, tallies, strict=True):
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


def _analysis(
    run: RunRecord,
    stage: StageRecord,
    tallies: list[Tally],
    left_out: list[str],
    seed: int,
) -> Analysis:
    tallies = sorted(tallies, key=lambda tally: tally.rmse)
    estimates = [_estimates(tally, seed) for tally in tallies]
    pairs = list(compare_tallies(stage, tallies, estimates, seed)) if tallies else []
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
    tally: Tally, group: str, estimates: Mapping[str, Estimate]
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


def _estimates(tally: Tally, seed: int) -> dict[str, Estimate]:
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

"""Compares every two models of a stage."""

from collections.abc import Iterator, Mapping, Sequence
from math import hypot
from statistics import fmean

import numpy as np

from benchbox.analysis.records import Pair
from benchbox.analysis.statistics.intervals import paired_interval, spread
from benchbox.analysis.statistics.paired import compare_all
from benchbox.analysis.statistics.power import (
    fits_needed,
    folds_needed,
    seeds_may_explain,
    users_needed,
)
from benchbox.analysis.statistics.resampling import Estimate
from benchbox.analysis.statistics.seeds import SeedSpread, seed_spread
from benchbox.analysis.tally import Tally
from benchbox.metrics import Metric, seen_users
from benchbox.records import StageRecord


def compare_tallies(
    stage: StageRecord,
    metric: Metric,
    tallies: list[Tally],
    estimates: Sequence[Mapping[str, Estimate]],
    places: Sequence[tuple[int, int]],
    seed: int,
) -> Iterator[Pair]:
    """Yield the comparison of the pairs of models at *places*.

    Args:
        stage: Data set and protocol.
        metric: Metric to compare by.
        tallies: Scores of the models, best first by *metric*.
        estimates: Estimates by metric name of each model, in the same order.
        places: Indexes of the models of each pair, the lower first.
        seed: Seed for resampling users.
    """
    sums = np.array([tally.sums[metric.name] for tally in tallies])
    totals = seen_users(tallies[0].counts[metric.name], sums, metric)
    same = {(a, b) for a, b in places if tallies[a].digests == tallies[b].digests}
    share = fmean(fold.n_hidden / fold.n_train for fold in stage.folds)
    for (a, b), effect in compare_all(totals, same, pairs=places, seed=seed):
        fits = [tallies[place].by_fold for place in (a, b)]
        first, second = [[fmean(of_fold) for of_fold in own] for own in fits]
        differences = [mine - its for mine, its in zip(first, second, strict=True)]
        over_folds = paired_interval(differences, share)
        seeds = _spread(tallies[a]), _spread(tallies[b])
        alone = [estimates[place][metric.name].standard_error for place in (a, b)]
        yield Pair(
            first=tallies[a].label,
            second=tallies[b].label,
            effect=effect,
            over_folds=over_folds,
            n_users=users_needed(effect),
            n_folds=folds_needed(differences, share),
            n_fits=fits_needed(effect.difference, seeds, len(stage.folds)),
            seeds_may_explain=seeds_may_explain(effect.difference, seeds, over_folds),
            sharper_over_users=_sharper(alone, effect.standard_error),
            sharper_over_folds=_sharper(
                [spread(values) or 0.0 for values in (first, second)],
                spread(differences),
            ),
        )


def _spread(tally: Tally) -> SeedSpread | None:
    return seed_spread(tally.by_fold, is_stochastic=tally.is_stochastic)


def _sharper(alone: Sequence[float], paired: float | None) -> float | None:
    """Return how much less the paired difference varies than an unpaired one would."""
    return hypot(*alone) / paired if paired else None

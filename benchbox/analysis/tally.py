"""Adds up scores of each model's predictions, fold by fold."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from benchbox.metrics import (
    VARIANTS,
    Breakdown,
    Distribution,
    Floats,
    Metric,
    Reliability,
    Scored,
    Slicing,
    UserTotals,
    break_down,
    pooled,
    reliability,
    seen_users,
    slicing,
    summed,
)
from benchbox.protocols import Fold
from benchbox.ratings import Values


class FoldTruth:
    """The hidden ratings of one fold, and their slices."""

    def __init__(self, fold: Fold, clip: bool) -> None:
        hidden = self.hidden = fold.hidden
        self.clip = clip
        self.slicing: Slicing = slicing(fold.history.users, fold.train.items, hidden)
        self.is_cold: NDArray[np.bool_] = (self.slicing.activity[hidden.users] == 0) | (
            self.slicing.popularity[hidden.items] == 0
        )

    def scored(
        self, predictions: Values, distribution: Distribution | None = None
    ) -> Scored:
        """Return the hidden ratings, with predictions as the run scores them."""
        return Scored.of(self.hidden, predictions, distribution, clips=self.clip)


@dataclass(eq=False)
class Tally:
    """The scores of one model, added up fold by fold; sums are averaged over fits.

    Attributes:
        label: Model and changed options.
        n_users: Number of users in the data set.
        headline: Metric by which models are compared.
        metrics: All metrics with a term, including the headline.
        is_stochastic: Whether the model depends on the seed.
        asks_times: Whether it is told when each question is asked.
        digests: Hashes of the predictions of all fits, per fold.
        by_fold: Headline metric of each fit, per fold.
        variants: RMSE of each fit, per fold, by name of the definition.
        n_scored: Number of scored ratings by name of the definition, over all folds.
        breakdowns: Sums by slice of each fit, per fold.
        counts: Number of scored ratings per user, shape ``(n_users,)``, by metric.
        sums: Sum of terms per user, shape ``(n_users,)``, by metric.
        reliabilities: Calibration of the predicted distributions, per fold; empty if
            the model predicts none.
    """

    label: str
    n_users: int
    headline: Metric
    metrics: Sequence[Metric]
    is_stochastic: bool
    asks_times: bool = False
    digests: list[frozenset[bytes]] = field(default_factory=list)
    by_fold: list[list[float]] = field(default_factory=list)
    variants: dict[str, list[list[float | None]]] = field(default_factory=dict)
    n_scored: dict[str, int] = field(default_factory=dict)
    breakdowns: list[list[Breakdown]] = field(default_factory=list)
    counts: dict[str, Floats] = field(default_factory=dict)
    sums: dict[str, Floats] = field(default_factory=dict)
    reliabilities: list[Reliability] = field(default_factory=list)

    def add(
        self,
        truth: FoldTruth,
        fits: Sequence[Values],
        distributions: Sequence[Distribution | None] = (),
    ) -> None:
        """Add what the model predicted of one fold, an array per fit; may be none."""
        if not fits:
            return
        scored = [truth.scored(*fit) for fit in zip_longest(fits, distributions)]
        found = [reliability(s) for s in scored if s.distribution is not None]
        if found:
            self.reliabilities.append(pooled(found, 1 / len(found)))
        self.digests.append(
            frozenset(blake2b(s.predicted.tobytes()).digest() for s in scored)
        )
        values = [self.headline.function(s).value for s in scored]
        self.by_fold.append([v for v in values if v is not None])
        self.breakdowns.append(
            [break_down(s, truth.slicing, self.metrics) for s in scored]
        )
        self._add_variants(truth, scored, fits)
        for metric in self.metrics:
            self._add_terms(truth, scored, metric)

    def totals(self, metric: Metric) -> UserTotals:
        """Return the sums of a metric's terms by user, over all folds together."""
        sums = self.sums[metric.name][np.newaxis]
        return seen_users(self.counts[metric.name], sums, metric)

    def _add_variants(
        self, truth: FoldTruth, scored: Sequence[Scored], fits: Sequence[Values]
    ) -> None:
        for variant in VARIANTS:
            scores = [
                variant.of(s, predictions, truth.is_cold)
                for s, predictions in zip(scored, fits, strict=True)
            ]
            values = [score.value for score in scores]
            self.variants.setdefault(variant.name, []).append(values)
            n = self.n_scored.get(variant.name, 0) + scores[0].n_scored
            self.n_scored[variant.name] = n

    def _add_terms(
        self, truth: FoldTruth, scored: Sequence[Scored], metric: Metric
    ) -> None:
        hidden, name = truth.hidden, metric.name
        predictions = [s.predicted for s in scored]
        counts, sums = summed(
            hidden.values, predictions, hidden.users, self.n_users, metric
        )
        before = np.zeros(self.n_users)
        self.counts[name] = self.counts.get(name, before) + counts
        self.sums[name] = self.sums.get(name, before) + sums.mean(axis=0)

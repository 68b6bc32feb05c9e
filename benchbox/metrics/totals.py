"""Totals: terms summed by user, of which every metric with a term is a function."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchbox.errors import UsageError
from benchbox.metrics.metric import Metric
from benchbox.metrics.scored import Floats
from benchbox.metrics.term import Term
from benchbox.ratings import IndexArray, Values


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class UserTotals:
    """Terms of several models on the same hidden ratings, summed by user.

    Attributes:
        metric: The metric they belong to; it has a term.
        counts: Ratings scored per user, all above 0, shape ``(n_users,)``.
        sums: Summed terms per model and user, shape ``(n_models, n_users)``.
    """

    metric: Metric
    counts: Floats
    sums: Floats

    @property
    def term(self) -> Term:
        """What was summed up."""
        return term_of(self.metric)

    @property
    def n_users(self) -> int:
        """Users with a rating that is scored."""
        return len(self.counts)

    @property
    def values(self) -> Floats:
        """The metric of each model, shape ``(n_models,)``."""
        return self.term.from_means(self.sums.sum(axis=1) / self.counts.sum())


def user_totals(
    truth: Values, predictions: Sequence[Values], users: IndexArray, metric: Metric
) -> UserTotals:
    """Return the totals of several models by user.

    Totals of several folds, one after the other, or of several fits, averaged, are
    totals too.

    Args:
        truth: Hidden ratings, shape ``(n,)``.
        predictions: Of each model, shape ``(n,)``, clipped if the metric clips.
        users: Index of who gave each rating, shape ``(n,)``.
        metric: A metric with a term.

    Raises:
        UsageError: The metric has none.
    """
    n_users = int(users.max()) + 1 if len(users) else 0
    counts, sums = summed(truth, predictions, users, n_users, metric)
    return seen_users(counts, sums, metric)


def summed(
    truth: Values,
    predictions: Sequence[Values],
    users: IndexArray,
    n_users: int,
    metric: Metric,
) -> tuple[Floats, Floats]:
    """Return counts ``(n_users,)`` and sums ``(n_models, n_users)``, all users."""
    term, actual = term_of(metric), truth.astype(np.float64)
    sums = np.empty((len(predictions), n_users))
    for row, predicted in zip(sums, predictions, strict=True):
        terms = term.terms(predicted.astype(np.float64), actual)
        row[:] = np.bincount(users, terms, n_users)
    counts = np.bincount(users, term.counted(actual), n_users)
    return counts.astype(np.float64), sums


def seen_users(counts: Floats, sums: Floats, metric: Metric) -> UserTotals:
    """Return the totals of those users who have a rating that is scored."""
    seen = counts > 0
    return UserTotals(metric=metric, counts=counts[seen], sums=sums[:, seen])


def term_of(metric: Metric) -> Term:
    """Return what a metric takes the mean of.

    Raises:
        UsageError: It is no mean over ratings.
    """
    if metric.term is None:
        raise UsageError(
            f"Metric {metric.name!r} is no mean over ratings, so it has no interval "
            f"over users."
        )
    return metric.term

"""Sums of a metric's terms by user, for intervals and comparisons over users."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchbox.arrays.grouping import add_sums
from benchbox.arrays.parallel import long_slices
from benchbox.errors import UsageError
from benchbox.metrics.metric import Metric
from benchbox.metrics.scored import Floats
from benchbox.metrics.term import Term
from benchbox.ratings import IndexArray, Values


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class UserTotals:
    """Sums of a metric's terms by user, for several models on the same ratings.

    Attributes:
        metric: The metric, which has a term.
        counts: Number of ratings scored per user, all above 0, shape ``(n_users,)``.
        sums: Sum of terms per model and user, shape ``(n_models, n_users)``.
    """

    metric: Metric
    counts: Floats
    sums: Floats

    @property
    def term(self) -> Term:
        """The metric's term."""
        return term_of(self.metric)

    @property
    def n_users(self) -> int:
        """Number of users with a scored rating."""
        return len(self.counts)

    @property
    def values(self) -> Floats:
        """Value of the metric for each model, shape ``(n_models,)``."""
        return self.term.from_means(self.sums.sum(axis=1) / self.counts.sum())


def user_totals(
    truth: Values, predictions: Sequence[Values], users: IndexArray, metric: Metric
) -> UserTotals:
    """Return the totals of several models by user.

    Totals can be concatenated over folds and averaged over fits.

    Args:
        truth: Hidden ratings, shape ``(n,)``.
        predictions: Predictions of each model, shape ``(n,)``, clipped if the run
            clips.
        users: User index per rating, shape ``(n,)``.
        metric: A metric with a term.

    Raises:
        UsageError: The metric has no term.
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
    """Return counts and sums for all users, also those without a scored rating.

    Their shapes are ``(n_users,)`` and ``(n_models, n_users)``.
    """
    term = term_of(metric)
    counts, sums = np.zeros(n_users), np.zeros((len(predictions), n_users))
    for part in long_slices(len(truth)):
        actual, owners = truth[part].astype(np.float64), users[part]
        add_sums(counts, owners, term.counted(actual).astype(np.float64))
        for row, predicted in zip(sums, predictions, strict=True):
            terms = term.terms(predicted[part].astype(np.float64), actual)
            add_sums(row, owners, terms)
    return counts, sums


def seen_users(counts: Floats, sums: Floats, metric: Metric) -> UserTotals:
    """Return the totals of the users with a scored rating."""
    seen = counts > 0
    return UserTotals(metric=metric, counts=counts[seen], sums=sums[:, seen])


def term_of(metric: Metric) -> Term:
    """Return the term of a metric.

    Raises:
        UsageError: The metric is not a mean over ratings.
    """
    if metric.term is None:
        raise UsageError(
            f"Metric {metric.name!r} is not a mean over ratings, so it has no interval "
            f"over users. Choose another metric."
        )
    return metric.term

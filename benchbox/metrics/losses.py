"""Totals: losses summed by user, of which every pooled metric is a function."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchbox.errors import UsageError
from benchbox.ratings import IndexArray, Values

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a pooled metric takes the mean of.

    Attributes:
        of: Loss per rating, from errors and truths of shape ``(n,)``.
        is_rooted: Whether the metric is the square root of the mean loss.
        needs_nonzero: Whether hidden ratings of 0 are left out.
    """

    of: Callable[[Floats, Floats], Floats]
    is_rooted: bool = False
    needs_nonzero: bool = False


LOSSES: Mapping[str, Loss] = {
    "rmse": Loss(of=lambda error, truth: error * error, is_rooted=True),
    "mae": Loss(of=lambda error, truth: np.abs(error)),
    "mape": Loss(
        of=lambda error, truth: np.abs(error) / np.abs(truth), needs_nonzero=True
    ),
}
"""The loss of each pooled metric, by the metric's name."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class UserTotals:
    """Losses of several models on the same hidden ratings, summed by user.

    Attributes:
        metric: Name of the metric they belong to, one of `LOSSES`.
        counts: Ratings scored per user, all above 0, shape ``(n_users,)``.
        losses: Summed loss per model and user, shape ``(n_models, n_users)``.
    """

    metric: str
    counts: Floats
    losses: Floats

    @property
    def is_rooted(self) -> bool:
        """Whether the metric is the root of the mean loss."""
        return LOSSES[self.metric].is_rooted

    @property
    def n_users(self) -> int:
        """Users with a rating that is scored."""
        return len(self.counts)

    @property
    def values(self) -> Floats:
        """The pooled metric of each model, shape ``(n_models,)``."""
        means: Floats = self.losses.sum(axis=1) / self.counts.sum()
        return np.sqrt(means) if self.is_rooted else means


def user_totals(
    truth: Values, predictions: Sequence[Values], users: IndexArray, metric: str
) -> UserTotals:
    """Return the totals of several models by user.

    Totals of several folds, one after the other, or of several fits, averaged, are
    totals too: see `pooled`.

    Args:
        truth: Hidden ratings, shape ``(n,)``.
        predictions: Of each model, shape ``(n,)``, clipped if the metric clips.
        users: Index of who gave each rating, shape ``(n,)``.
        metric: Name of a pooled metric.

    Raises:
        UsageError: The metric is none of `LOSSES`.
    """
    n_users = int(users.max()) + 1 if len(users) else 0
    counts, losses = summed(truth, predictions, users, n_users, metric)
    return seen_users(counts, losses, metric)


def summed(
    truth: Values,
    predictions: Sequence[Values],
    users: IndexArray,
    n_users: int,
    metric: str,
) -> tuple[Floats, Floats]:
    """Return counts ``(n_users,)`` and losses ``(n_models, n_users)``, all users."""
    loss = loss_of(metric)
    actual = truth.astype(np.float64)
    scored = actual != 0 if loss.needs_nonzero else np.ones(len(actual), dtype=bool)
    actual, users = actual[scored], users[scored]
    losses = np.empty((len(predictions), n_users))
    for row, predicted in zip(losses, predictions, strict=True):
        lost = loss.of(predicted[scored] - actual, actual)
        row[:] = np.bincount(users, lost, n_users)
    return np.bincount(users, minlength=n_users).astype(np.float64), losses


def seen_users(counts: Floats, losses: Floats, metric: str) -> UserTotals:
    """Return the totals of those users who have a rating that is scored."""
    seen = counts > 0
    return UserTotals(metric=metric, counts=counts[seen], losses=losses[:, seen])


def loss_of(metric: str) -> Loss:
    """Return the loss of a pooled metric.

    Raises:
        UsageError: It has none.
    """
    if metric not in LOSSES:
        raise UsageError(
            f"Metric {metric!r} is no mean over ratings, so it has no interval over "
            f"users. Choose one of {', '.join(LOSSES)}."
        )
    return LOSSES[metric]

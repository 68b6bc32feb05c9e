"""Audit for models that are told when each question is asked: what that betrays.

To know when one asks is legitimate. But on some data and under some protocols, the time
of a question says more about the hidden rating than it would in use.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays.grouping import add_sums
from benchbox.arrays.parallel import each, long_slices, slices
from benchbox.arrays.positions import positions_where
from benchbox.protocols.audit.findings import Finding
from benchbox.protocols.audit.membership import Roles
from benchbox.protocols.folds import Fold
from benchbox.protocols.partition import HIDDEN, HISTORY, TRAIN
from benchbox.ratings import Positions, Ratings

BETWEEN, TELLING = "asked-between", "times-tell-values"

TIME_FINDINGS = (BETWEEN, TELLING)
"""Findings that concern only models that are told when each question is asked."""

_FEWEST = 50
"""Of fewer hidden ratings, a correlation may be a coincidence."""

_CLOSE = 0.9
"""Correlation from which on the time of a rating gives its value away."""


def question_time_findings(fold: Fold, roles: Roles) -> list[Finding]:
    """Return what the times of the hidden ratings betray to a model that is told them.

    They are notes, as other models never see these times.
    """
    ratings = fold.ratings
    if ratings.timestamps is None:
        return []
    between = [] if fold.protocol.time_order else _between(ratings, roles)
    return [*between, *_telling(ratings, roles)]


def _between(ratings: Ratings, roles: Roles) -> list[Finding]:
    """Return a finding if hidden ratings are older than the user's visible ones."""
    stamps = ratings.timestamps
    assert stamps is not None
    last = np.full(ratings.n_users, np.iinfo(np.int64).min)
    for at in slices(len(roles)):
        is_shown = (roles[at] & (TRAIN | HISTORY) > 0) & (roles[at] & HIDDEN == 0)
        np.maximum.at(last, ratings.users[at][is_shown], stamps[at][is_shown])

    def count(at: slice) -> NDArray[np.int64]:
        is_hidden = roles[at] & HIDDEN > 0
        is_earlier = stamps[at] < last[ratings.users[at]]
        return np.array([is_hidden.sum(), (is_hidden & is_earlier).sum()])

    n_hidden, n = np.sum(each(count, slices(len(roles))), axis=0).tolist()
    if not n:
        return []
    text = (
        f"{n / n_hidden:.0%} of the hidden ratings are older than a visible one of the "
        f"same user, so a model that is told when each question is asked can "
        f"interpolate between the user's ratings, as it never could in use"
    )
    return [Finding(severity="note", name=BETWEEN, text=text, n=n)]


def _telling(ratings: Ratings, roles: Roles) -> list[Finding]:
    """Return a finding if the time of a hidden rating gives its value away."""
    assert ratings.timestamps is not None
    hidden = positions_where(len(roles), lambda at: roles[at] & HIDDEN > 0)
    if len(hidden) < _FEWEST:
        return []
    columns = _Columns(ratings, hidden)
    overall, by_user = columns.correlations()
    found = max(overall, by_user, key=abs)
    if abs(found) < _CLOSE:
        return []
    text = (
        f"the times of the hidden ratings give their values away "
        f"(correlation {found:.2f}{'' if found is overall else ' within users'}): they "
        f"are probably no times, or the ratings were sorted before they got them"
    )
    return [Finding(severity="note", name=TELLING, text=text, n=len(hidden))]


class _Columns:
    """The values and times of hidden ratings, read part by part.

    Args:
        ratings: Ratings with timestamps.
        hidden: Positions of the hidden ones.
    """

    def __init__(self, ratings: Ratings, hidden: Positions) -> None:
        assert ratings.timestamps is not None
        self._ratings, self._hidden = ratings, hidden
        self._stamps = ratings.timestamps
        self._since = ratings.timestamps[hidden[0]]

    def correlations(self) -> tuple[float, float]:
        """Return the correlation of values and times, overall and within users."""
        n_users = self._ratings.n_users
        counts, sums = np.zeros(n_users), np.zeros((2, n_users))
        for users, *columns in self._parts():
            add_sums(counts, users, None)
            for total, column in zip(sums, columns, strict=True):
                add_sums(total, users, column)
        overall = sums.sum(axis=1) / len(self._hidden)
        by_user = sums / np.maximum(counts, 1)
        return self._correlation(overall[:, None]), self._correlation(by_user)

    def _correlation(self, means: NDArray[np.float64]) -> float:
        """Return Pearson's correlation; 0 if a column is constant.

        Args:
            means: What to subtract from values and times: one number each, or one per
                user, shape ``(2, 1)`` or ``(2, n_users)``.
        """
        products = np.zeros((2, 2))
        for users, *columns in self._parts():
            places = users if means.shape[1] > 1 else np.zeros_like(users)
            rest = np.array(columns) - means[:, places]
            products += rest @ rest.T
        size = float(np.sqrt(products[0, 0] * products[1, 1]))
        return float(products[0, 1]) / size if size else 0.0

    def _parts(self) -> Iterator[tuple[NDArray[Any], ...]]:
        """Yield users, values and times of the hidden ratings."""
        for at in long_slices(len(self._hidden)):
            rows = self._hidden[at]
            yield (
                self._ratings.users[rows],
                self._ratings.values[rows].astype(np.float64),
                (self._stamps[rows] - self._since).astype(np.float64),
            )

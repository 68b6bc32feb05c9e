"""Audit for models that are told when each question is asked: what that betrays.

To know when one asks is legitimate. But on some data and under some protocols, the time
of a question says more about the hidden rating than it would in use.
"""

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays.parallel import each, slices
from benchbox.protocols.audit.findings import Finding
from benchbox.protocols.audit.membership import Roles
from benchbox.protocols.folds import Fold
from benchbox.protocols.partition import HIDDEN, HISTORY, TRAIN
from benchbox.ratings import Ratings

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
    hidden = np.flatnonzero(roles & HIDDEN > 0)
    if len(hidden) < _FEWEST:
        return []
    users, values = ratings.users[hidden], ratings.values[hidden].astype(np.float64)
    times = (ratings.timestamps[hidden] - ratings.timestamps[hidden[0]]).astype(float)
    overall = _correlation(values, times)
    by_user = _correlation(_from_mean(values, users), _from_mean(times, users))
    found = max(overall, by_user, key=abs)
    if abs(found) < _CLOSE:
        return []
    text = (
        f"the times of the hidden ratings give their values away "
        f"(correlation {found:.2f}{'' if found is overall else ' within users'}): they "
        f"are probably no times, or the ratings were sorted before they got them"
    )
    return [Finding(severity="note", name=TELLING, text=text, n=len(hidden))]


def _from_mean(
    column: NDArray[np.float64], users: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Return the differences to the user's mean."""
    counts = np.bincount(users)
    means = np.bincount(users, column) / np.maximum(counts, 1)
    return column - means[users]


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return Pearson's correlation; 0 if a column is constant."""
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt(np.square(one).sum() * np.square(other).sum()))
    return float((one * other).sum()) / size if size else 0.0

"""Audit of time: whether models see ratings from after the ones they must predict."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays.parallel import each, slices
from benchbox.protocols.audit.findings import Finding
from benchbox.protocols.audit.membership import Roles, n_in
from benchbox.protocols.folds import Fold
from benchbox.protocols.partition import HIDDEN, HISTORY, TRAIN
from benchbox.ratings import Ratings

_NEVER = np.iinfo(np.int64).max


def time_findings(fold: Fold, roles: Roles) -> list[Finding]:
    """Return findings about visible ratings that are later than hidden ones.

    They are a leak if the protocol promises that there are none, otherwise a note.
    """
    ratings, promised = fold.ratings, fold.protocol.time_order
    if ratings.timestamps is None:
        if not promised:
            return []
        text = "the protocol promises a time order, but there are no timestamps"
        return [Finding(severity="leak", name="no-timestamps", text=text, n=0)]
    stamps = ratings.timestamps
    findings = []
    if promised == "by user":
        firsts = _first_hidden_by_user(ratings, stamps, roles)
        after = _after(stamps, roles, lambda at: firsts[ratings.users[at]])
        findings += _broken(*after, "the same user's first hidden one")
    first = _first_hidden(stamps, roles)
    n_same, n_later = _after(stamps, roles, lambda at: first)
    if promised == "overall":
        return _broken(n_same, n_later, "the first hidden one")
    if n_later:
        n_visible = n_in(roles, TRAIN | HISTORY)
        findings.append(
            Finding(
                severity="note",
                name="later-visible",
                text=f"{n_later / n_visible:.0%} of the visible ratings are later than "
                f"the first hidden one, so figures do not measure prediction of the "
                f"future",
                n=n_later,
            )
        )
    return findings


def _broken(n_same: int, n_later: int, what: str) -> list[Finding]:
    findings = []
    if n_later:
        text = f"{n_later:,} visible ratings are later than {what}"
        findings.append(
            Finding(severity="leak", name="from-the-future", text=text, n=n_later)
        )
    if n_same:
        text = f"{n_same:,} visible ratings are from the same second as {what}"
        findings.append(
            Finding(severity="note", name="same-second", text=text, n=n_same)
        )
    return findings


def _first_hidden(stamps: NDArray[np.int64], roles: Roles) -> int:
    """Return the timestamp of the first hidden rating."""

    def first(at: slice) -> int:
        return int(stamps[at][roles[at] & HIDDEN > 0].min(initial=_NEVER))

    return min(each(first, slices(len(roles))))


def _first_hidden_by_user(
    ratings: Ratings, stamps: NDArray[np.int64], roles: Roles
) -> NDArray[np.int64]:
    """Return the timestamp of each user's first hidden rating, ``(n_users,)``."""
    first = np.full(ratings.n_users, _NEVER)
    for at in slices(len(roles)):
        is_hidden = roles[at] & HIDDEN > 0
        np.minimum.at(first, ratings.users[at][is_hidden], stamps[at][is_hidden])
    return first


def _after(
    stamps: NDArray[np.int64],
    roles: Roles,
    limit: Callable[[slice], NDArray[np.int64] | int],
) -> tuple[int, int]:
    """Count visible ratings in the same second as their *limit*, and later ones."""

    def count(at: slice) -> tuple[int, int]:
        # A rating that is also hidden has a finding of its own.
        is_shown = (roles[at] & (TRAIN | HISTORY) > 0) & (roles[at] & HIDDEN == 0)
        is_same, is_later = stamps[at] == limit(at), stamps[at] > limit(at)
        return (
            int(np.count_nonzero(is_same & is_shown)),
            int(np.count_nonzero(is_later & is_shown)),
        )

    counted = each(count, slices(len(roles)))
    return sum(n for n, _ in counted), sum(n for _, n in counted)

"""Parts: that no rating is both asked for and shown, and how many are where."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchbox.parallel import each, slices
from benchbox.protocols.audit.findings import Finding
from benchbox.protocols.folds import Fold
from benchbox.protocols.partition import HIDDEN, HISTORY, TRAIN
from benchbox.ratings import IndexArray, Positions, Ratings, pairs_rise

Roles = NDArray[np.uint8]
"""The parts each rating is in, as bits, shape ``(n,)``."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Census:
    """Who is where in a fold.

    Attributes:
        roles: The parts each rating is in.
        n_train: Ratings in train.
        n_history: Ratings in the history.
        n_hidden: Hidden ratings.
        n_cold_users: Hidden ratings of users without history.
        n_cold_items: Hidden ratings of items without training ratings.
        n_trained_users: Hidden ratings of users with training ratings.
    """

    roles: Roles
    n_train: int
    n_history: int
    n_hidden: int
    n_cold_users: int
    n_cold_items: int
    n_trained_users: int


def take_census(fold: Fold) -> Census:
    """Count who is where in *fold*."""
    ratings, roles = fold.ratings, fold.roles
    by_role = np.bincount(roles, minlength=8)
    users_shown = _seen(ratings.users, roles, HISTORY, ratings.n_users)
    items_trained = _seen(ratings.items, roles, TRAIN, ratings.n_items)
    users_trained = users_shown
    if not fold.partition.is_warm:
        users_trained = _seen(ratings.users, roles, TRAIN, ratings.n_users)
    n_hidden = _n_with(by_role, HIDDEN)
    return Census(
        roles=roles,
        n_train=_n_with(by_role, TRAIN),
        n_history=_n_with(by_role, HISTORY),
        n_hidden=n_hidden,
        n_cold_users=n_hidden - _n_hidden_of(ratings.users, roles, users_shown),
        n_cold_items=n_hidden - _n_hidden_of(ratings.items, roles, items_trained),
        n_trained_users=_n_hidden_of(ratings.users, roles, users_trained),
    )


def part_findings(fold: Fold, census: Census) -> list[Finding]:
    """Return what is wrong with the parts of *fold*."""
    ratings, protocol = fold.ratings, fold.protocol
    findings = [
        _leak(f"hidden-in-{part}", _n_both(census.roles, bit), f"also in {part}")
        for part, bit in (("train", TRAIN), ("history", HISTORY))
    ]
    findings.append(_repeated_pairs(ratings, census.roles))
    if protocol.new_users:
        n = census.n_trained_users
        findings.append(_leak("not-new-users", n, "of users that training knows"))
    if protocol.new_items:
        n = census.n_hidden - census.n_cold_items
        findings.append(_leak("not-new-items", n, "of items that training knows"))
    findings += [_disorder(fold, part) for part in ("train", "history", "hidden")]
    return [found for found in findings if found is not None]


def _leak(name: str, n: int, what: str) -> Finding | None:
    if not n:
        return None
    text = f"{n:,} hidden ratings are {what}"
    return Finding(severity="leak", name=name, text=text, n=n)


def _repeated_pairs(ratings: Ratings, roles: Roles) -> Finding | None:
    """Find pairs that are rated more than once, above all in two parts."""
    if pairs_rise(ratings.users, ratings.items):
        return None
    used = np.flatnonzero(roles)
    pairs = ratings.users[used].astype(np.int64) * ratings.n_items + ratings.items[used]
    order = np.argsort(pairs, kind="stable")
    _, starts, counts = np.unique(pairs[order], return_index=True, return_counts=True)
    if counts.max(initial=1) == 1:
        return None
    parts = np.bitwise_or.reduceat(roles[used[order]], starts)
    is_both = (counts > 1) & (parts & HIDDEN > 0) & (parts & (TRAIN | HISTORY) > 0)
    # One rating that is in both parts by itself is found elsewhere.
    n_both = int(np.count_nonzero(is_both))
    if n_both:
        return _leak("pair-in-two-parts", n_both, "of a pair whose rating is shown")
    n = int(np.count_nonzero(counts > 1))
    text = f"{n:,} pairs of user and item are rated more than once in one part"
    return Finding(severity="warning", name="repeated-pairs", text=text, n=n)


def _disorder(fold: Fold, part: str) -> Finding | None:
    positions: Positions = getattr(fold.partition, part)
    rise = each(
        lambda at: bool((np.diff(positions[at.start : at.stop + 1]) > 0).all()),
        slices(len(positions)),
    )
    if all(rise):
        return None
    n = len(positions) - len(np.unique(positions))
    text = f"positions in {part} do not rise, {n:,} stand there more than once"
    return Finding(severity="warning", name=f"disordered-{part}", text=text, n=n)


def _n_with(by_role: NDArray[np.int64], bit: int) -> int:
    return int(by_role[(np.arange(len(by_role)) & bit) > 0].sum())


def _n_both(roles: Roles, bit: int) -> int:
    both = HIDDEN | bit
    return sum(
        each(lambda at: int(np.count_nonzero(roles[at] & both == both)), _all(roles))
    )


def _seen(index: IndexArray, roles: Roles, bit: int, size: int) -> NDArray[np.bool_]:
    """Return which users, or items, have a rating in the part *bit*."""
    seen = np.zeros(size, dtype=bool)

    def mark(at: slice) -> None:
        seen[index[at][roles[at] & bit > 0]] = True

    each(mark, _all(roles))
    return seen


def _n_hidden_of(index: IndexArray, roles: Roles, seen: NDArray[np.bool_]) -> int:
    def count(at: slice) -> int:
        return int(np.count_nonzero(seen[index[at]] & (roles[at] & HIDDEN > 0)))

    return sum(each(count, _all(roles)))


def _all(roles: Roles) -> list[slice]:
    return slices(len(roles))

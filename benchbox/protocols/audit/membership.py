"""Audit of membership: counts each part of a fold and finds overlaps between parts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays import mapped
from benchbox.arrays.grouping import tally
from benchbox.arrays.parallel import each, slices
from benchbox.arrays.positions import (
    is_rising,
    order_within,
    positions_where,
    repeated,
    runs_of,
)
from benchbox.protocols.audit.findings import Finding
from benchbox.protocols.folds import Fold
from benchbox.protocols.partition import HIDDEN, HISTORY, TRAIN
from benchbox.ratings import IndexArray, Positions, Ratings, pairs_rise

Roles = NDArray[np.uint8]
"""Role of each rating: the parts it is in, as bits, shape ``(n,)``, uint8."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Census:
    """Counts of the ratings in each part of a fold.

    Attributes:
        roles: Role of each rating, shape ``(n,)``.
        n_train: Number of training ratings.
        n_history: Number of ratings in the history.
        n_hidden: Number of hidden ratings.
        n_cold_users: Number of hidden ratings of users without history.
        n_cold_items: Number of hidden ratings of items without training ratings.
        n_trained_users: Number of hidden ratings of users with training ratings.
    """

    roles: Roles
    n_train: int
    n_history: int
    n_hidden: int
    n_cold_users: int
    n_cold_items: int
    n_trained_users: int


def take_census(fold: Fold) -> Census:
    """Count the ratings in each part of *fold*."""
    ratings, roles = fold.ratings, fold.roles
    by_role = tally(roles, 8)
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
    """Return what is wrong with how *fold* assigns ratings to parts."""
    ratings, protocol = fold.ratings, fold.protocol
    findings = [
        _leak(f"hidden-in-{part}", _n_both(census.roles, bit), f"also in {part}")
        for part, bit in (("train", TRAIN), ("history", HISTORY))
    ]
    findings.append(_repeated_pairs(ratings, census.roles))
    if protocol.new_users:
        n = census.n_trained_users
        findings.append(_leak("not-new-users", n, "of users with training ratings"))
    if protocol.new_items:
        n = census.n_hidden - census.n_cold_items
        findings.append(_leak("not-new-items", n, "of items with training ratings"))
    findings += [_disorder(fold, part) for part in ("train", "history", "hidden")]
    return [found for found in findings if found is not None]


def _leak(name: str, n: int, what: str) -> Finding | None:
    if not n:
        return None
    text = f"{n:,} hidden ratings are {what}"
    return Finding(severity="leak", name=name, text=text, n=n)


def _repeated_pairs(ratings: Ratings, roles: Roles) -> Finding | None:
    """Find user-item pairs rated more than once; a leak if in two parts."""
    if pairs_rise(ratings.users, ratings.items):
        return None
    used = positions_where(len(roles), lambda at: roles[at] > 0)
    users = mapped.gathered(ratings.users, used)
    items = mapped.gathered(ratings.items, used)
    order = order_within(users, ratings.n_users, items)
    members, starts = runs_of(repeated(users, items, order))
    if not len(members):
        return None
    parts = np.bitwise_or.reduceat(roles[used[order[members]]], starts)
    is_both = (parts & HIDDEN > 0) & (parts & (TRAIN | HISTORY) > 0)
    # A single rating that is in two parts has a finding of its own.
    n_both = int(np.count_nonzero(is_both))
    if n_both:
        return _leak("pair-in-two-parts", n_both, "of a pair that is also visible")
    n = len(starts)
    text = f"{n:,} user-item pairs are rated more than once in one part"
    return Finding(severity="warning", name="repeated-pairs", text=text, n=n)


def _disorder(fold: Fold, part: str) -> Finding | None:
    """Find positions in *part* that do not increase."""
    positions: Positions = getattr(fold.partition, part)
    if is_rising(positions):
        return None
    n = len(positions) - len(np.unique(positions))
    text = f"positions in {part} are not increasing; {n:,} of them are repeated"
    return Finding(severity="warning", name=f"disordered-{part}", text=text, n=n)


def n_in(roles: Roles, bits: int) -> int:
    """Return how many ratings are in at least one of the parts *bits*."""
    return _n_with(tally(roles, 8), bits)


def _n_with(by_role: NDArray[np.int64], bit: int) -> int:
    return int(by_role[(np.arange(len(by_role)) & bit) > 0].sum())


def _n_both(roles: Roles, bit: int) -> int:
    both = HIDDEN | bit
    return sum(
        each(lambda at: int(np.count_nonzero(roles[at] & both == both)), _all(roles))
    )


def _seen(index: IndexArray, roles: Roles, bit: int, size: int) -> NDArray[np.bool_]:
    """Return whether each user or item has a rating in part *bit*, ``(size,)``."""
    seen = np.zeros(size, dtype=bool)

    def mark(at: slice) -> None:
        seen[index[at][roles[at] & bit > 0]] = True

    each(mark, _all(roles))
    return seen


def _n_hidden_of(index: IndexArray, roles: Roles, seen: NDArray[np.bool_]) -> int:
    """Count the hidden ratings of *seen* users or items."""

    def count(at: slice) -> int:
        return int(np.count_nonzero(seen[index[at]] & (roles[at] & HIDDEN > 0)))

    return sum(each(count, _all(roles)))


def _all(roles: Roles) -> list[slice]:
    return slices(len(roles))

"""Audit of features: whether they were computed from hidden ratings.

A static feature cannot know which ratings a fold hides. If it matches a statistic of
all ratings where the same statistic of the visible ratings differs, hidden ratings went
into it.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchbox.protocols.audit.aggregates import (
    Aggregate,
    Column,
    Side,
    aggregates,
    sides,
)
from benchbox.protocols.audit.findings import Finding, Severity
from benchbox.protocols.audit.membership import Roles
from benchbox.ratings import Ratings

_MAX_DECIMALS = 6
_FEWEST = 5
"""With fewer users or items than this, an equality may be a coincidence."""

_SURE, _LIKELY = 0.9999, 0.97
"""Partial correlation with a statistic of all ratings, given that of the visible ones,
from which on a feature is a leak (sure) or gives a warning (likely)."""


def feature_findings(ratings: Ratings, roles: Roles) -> list[Finding]:
    """Return findings about feature columns that were computed from hidden ratings."""
    findings: list[Finding] = []
    for side in sides(ratings):
        columns = dict(_numbers(side))
        if not columns:
            continue
        worst: dict[str, Finding] = {}
        for aggregate in aggregates(side, ratings, roles):
            for name, column in columns.items():
                found = _compare(side, name, column, aggregate)
                if found and _is_worse(found, worst.get(name)):
                    worst[name] = found
        findings += worst.values()
    return findings


def _is_worse(found: Finding, known: Finding | None) -> bool:
    if known is None:
        return True
    # An equality is stronger evidence than a correlation.
    rank = (found.severity, "follows" in found.name, -found.n)
    return rank < (known.severity, "follows" in known.name, -known.n)


def _numbers(side: Side) -> Iterator[tuple[str, Column]]:
    """Yield the numeric columns that vary, including numbers stored as text."""
    for name, column in side.features.items():
        if column.dtype.kind in "OUS":
            try:
                numbers = np.array([float(text or "nan") for text in column.tolist()])
            except ValueError:
                continue
        elif column.dtype.kind in "biuf" and column.ndim == 1:
            numbers = column.astype(np.float64)
        else:
            continue
        known = numbers[np.isfinite(numbers)]
        if len(known) and known.min() < known.max():
            yield name, numbers


def _compare(
    side: Side, name: str, column: Column, aggregate: Aggregate
) -> Finding | None:
    """Return a finding if *column* matches hidden ratings in *aggregate*, else `None`.

    A match that visible ratings explain does not count.
    """
    n_equal = _n_equal(column, aggregate.everything, aggregate.visible)
    if n_equal:
        text = f"equals {aggregate.what}, hidden ones included"
        return _finding("leak", "feature-of-all-ratings", side, name, text, n_equal)
    n_equal = _n_equal(column, aggregate.hidden, None)
    if n_equal:
        text = f"equals {aggregate.what} that are hidden"
        return _finding("leak", "feature-of-hidden", side, name, text, n_equal)
    strength, n = _partial_correlation(column, aggregate)
    if strength < _LIKELY:
        return None
    text = (
        f"follows {aggregate.what}, hidden ones included, more closely than visible "
        f"ratings explain (partial correlation {strength:.4f})"
    )
    severity: Severity = "leak" if strength >= _SURE else "warning"
    return _finding(severity, "feature-follows-hidden", side, name, text, n)


def _finding(
    severity: Severity, kind: str, side: Side, name: str, text: str, n: int
) -> Finding:
    return Finding(
        severity=severity,
        name=kind,
        text=f"the {side.name} feature {name!r} {text}, for {n:,} {side.name}s",
        n=n,
    )


def _n_equal(column: Column, truth: Column, visible: Column | None) -> int:
    """Return for how many users or items *column* equals *truth*.

    Returns 0 unless it does for nearly all of them. Both are rounded to the decimals of
    the column. Only users or items whose *visible* statistic differs from *truth*
    count; without *visible*, all count.
    """
    decimals = _decimals(column)
    expected = np.round(truth, decimals)
    differs = np.isfinite(column) & np.isfinite(expected)
    if visible is not None:
        differs &= ~_same(np.round(visible, decimals), expected)
    is_equal = _same(column, expected) & differs
    n_equal, n_differ = np.count_nonzero(is_equal), np.count_nonzero(differs)
    few = n_differ < _FEWEST or n_equal < 0.95 * n_differ
    if few or len(np.unique(expected[is_equal])) < 2:
        return 0
    return int(n_equal)


def _same(one: Column, other: Column) -> NDArray[np.bool_]:
    return np.isclose(one, other, rtol=1e-6, atol=1e-6)


def _decimals(column: Column) -> int:
    """Return the number of decimals that *column* is rounded to."""
    known = column[np.isfinite(column)]
    for decimals in range(_MAX_DECIMALS):
        if np.allclose(known, np.round(known, decimals), rtol=1e-9, atol=1e-9):
            return decimals
    return _MAX_DECIMALS


def _partial_correlation(column: Column, aggregate: Aggregate) -> tuple[float, int]:
    """Return the partial correlation of *column* with all ratings, given visible ones.

    It is the larger of the correlations of numbers and of ranks, so that logarithms
    and other monotonic functions are found too.

    Returns:
        The absolute correlation, and the number of users or items that decided it.
    """
    truth, visible = aggregate.everything, aggregate.visible
    chosen = np.isfinite(column) & np.isfinite(truth) & np.isfinite(visible)
    n = int(np.count_nonzero(chosen & ~_same(truth, visible)))
    if n < 4 * _FEWEST:
        return 0.0, n
    taken = [part[chosen] for part in (column, truth, visible)]
    return max(_partial(*taken), _partial(*map(_ranks, taken))), n


def _partial(column: Column, truth: Column, visible: Column) -> float:
    """Return the correlation of *column* and *truth* with *visible* held fixed."""
    base = np.column_stack([np.ones(len(visible)), visible])
    left = []
    for part in (column, truth):
        residual = part - base @ np.linalg.lstsq(base, part, rcond=None)[0]
        if np.linalg.norm(residual) <= 1e-9 * np.linalg.norm(part):
            return 0.0
        left.append(residual / np.linalg.norm(residual))
    return abs(float(left[0] @ left[1]))


def _ranks(column: Column) -> Column:
    """Return the rank of each number; equal numbers share their mean rank."""
    _, places, counts = np.unique(column, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Column = (last - (counts - 1) / 2)[places]
    return ranks

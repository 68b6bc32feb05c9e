"""Audit of a whole data set: codes that are no ratings, and swapped columns."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from benchbox.arrays.parallel import long_slices
from benchbox.errors import shown
from benchbox.protocols.audit.findings import Finding
from benchbox.ratings import Ratings, Values

_N_SAMPLED = 200_000
_N_IDS_SAMPLED = 1000
_MOST_CODES = 3
_ALWAYS_CODES = (99, 999, 9999, -9, -99, -999, -9999)
_FEWEST_LEVELS = 3
"""With fewer other levels, as of likes and dislikes, nothing is far from the rest."""

_OF_ITEMS = re.compile(
    r"B[0-9A-Z]{9}|tt[0-9]{7,8}|97[89][0-9]{10}"  # Amazon, IMDb, ISBN
    r"|(item|movie|film|book|product|song|track|game|i|m|b|p)[-_ ]?[0-9]+",
    re.IGNORECASE,
)
_OF_USERS = re.compile(
    r"A[0-9A-Z]{11,31}|[^@\s]+@[^@\s]+\.[a-z]+"  # Amazon, mail
    r"|(user|customer|reader|member|person|u)[-_ ]?[0-9]+",
    re.IGNORECASE,
)


def data_findings(ratings: Ratings) -> list[Finding]:
    """Return findings about a data set, whichever way it is split.

    Takes a look at a sample of the ratings and ids.
    """
    return [*_code_findings(ratings.values), *_swap_findings(ratings)]


@dataclass(frozen=True, slots=True, eq=False)
class _Levels:
    """The distinct ratings, rising, and how many there are of each."""

    values: NDArray[np.float64]
    counts: NDArray[np.int64]

    def without(self, place: int) -> "_Levels":
        return _Levels(np.delete(self.values, place), np.delete(self.counts, place))

    @property
    def span(self) -> float:
        return float(self.values[-1] - self.values[0])


def _code_findings(values: Values) -> list[Finding]:
    codes = _codes(values[:: max(1, len(values) // _N_SAMPLED)])
    if not codes:
        return []
    known = np.array(codes, dtype=np.float32)
    counts, low, high = dict.fromkeys(codes, 0), np.inf, -np.inf
    for part in long_slices(len(values)):
        some = values[part]
        for code, value in zip(codes, known, strict=True):
            counts[code] += int(np.count_nonzero(some == value))
        others = some[~np.isin(some, known)]
        low = min(low, float(others.min(initial=np.inf)))
        high = max(high, float(others.max(initial=-np.inf)))
    found = " and ".join(
        f"{n:,} of {len(values):,} ratings ({n / len(values):.1%}) are {code:g}"
        for code, n in counts.items()
    )
    advice = "+".join(f"{code:g}" for code in counts)
    text = (
        f"{found}, far from all others ({low:g} to {high:g}): if this "
        f'means "not rated", leave them out, as the option missing={advice} does'
    )
    n = sum(counts.values())
    return [Finding(severity="warning", name="code-for-missing", text=text, n=n)]


def _codes(values: Values) -> list[float]:
    """Return the values that probably stand for something else than a rating."""
    found, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    levels = _Levels(found.astype(np.float64), counts.astype(np.int64))
    codes: list[float] = []
    while len(levels.values) > _FEWEST_LEVELS and len(codes) < _MOST_CODES:
        if _is_code(levels, -1):
            place = -1
        elif _is_code(levels, 0):
            place = 0
        else:
            break
        codes.append(float(levels.values[place]))
        levels = levels.without(place)
    return sorted(codes)


def _is_code(levels: _Levels, place: int) -> bool:
    """Return whether the lowest (0) or highest (-1) level is no rating."""
    value, n = float(levels.values[place]), int(levels.counts[place])
    rest = levels.without(place)
    nearest = float(rest.values[place])
    share = n / int(levels.counts.sum())
    top = float(np.abs(rest.values).max())
    if abs(value - nearest) >= 3 * rest.span and abs(value) >= 4 * top:
        return share >= 0.01 or value in _ALWAYS_CODES
    if place != 0 or value > 0 or nearest < 0:
        return False
    if value < 0:
        # The only negative one, as -1 beside 1 to 10.
        return rest.span >= 4 * abs(value)
    stands_out = n > 3 * int(rest.counts[0]) or nearest >= 3 * _usual_gap(rest)
    return share >= 0.05 and stands_out and _mean(rest) >= 1.5 * _deviation(rest)


def _usual_gap(levels: _Levels) -> float:
    return float(np.median(np.diff(levels.values)))


def _mean(levels: _Levels) -> float:
    return float(np.average(levels.values, weights=levels.counts))


def _deviation(levels: _Levels) -> float:
    squares = (levels.values - _mean(levels)) ** 2
    return sqrt(np.average(squares, weights=levels.counts))


def _swap_findings(ratings: Ratings) -> list[Finding]:
    if ratings.user_ids is None or ratings.item_ids is None:
        return []
    users, items = (_sample(ids) for ids in (ratings.user_ids, ratings.item_ids))
    swapped = (_all_like(_OF_ITEMS, users) and not _all_like(_OF_ITEMS, items)) or (
        _all_like(_OF_USERS, items) and not _all_like(_OF_USERS, users)
    )
    if not swapped:
        return []
    text = (
        f"the user {shown(users[0])} looks like an item, or the item "
        f"{shown(items[0])} like a user, and so do the others: if the columns are "
        f"swapped, name them, as in --columns item,user,rating,timestamp for a file "
        f"without a header"
    )
    n = ratings.n_users
    return [Finding(severity="warning", name="swapped-columns", text=text, n=n)]


def _sample(ids: Iterable[str]) -> list[str]:
    return [str(name) for name in islice(ids, _N_IDS_SAMPLED)]


def _all_like(pattern: re.Pattern[str], ids: Sequence[str]) -> bool:
    return bool(ids) and all(map(pattern.fullmatch, ids))

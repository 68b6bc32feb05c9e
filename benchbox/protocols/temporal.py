"""Temporal splits: the latest ratings of all, or of each user, are hidden."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from math import ceil, inf

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.arrays.grouping import tally
from benchbox.arrays.positions import order_within, positions_where
from benchbox.arrays.quantiles import quantile_of
from benchbox.errors import ProtocolError
from benchbox.options import Options
from benchbox.protocols.partition import (
    VALIDATION_FRACTION,
    Count,
    Fraction,
    Partition,
    hiding_by_user,
)
from benchbox.ratings import Ratings

# A + begins a zone too, as in 2001-10-01T12:00+09:00.
_NEXT_DATE = re.compile(r"\+(?=\s*\d{4}-?\d\d-?\d\d)")


class TemporalOptions(Options, frozen=True):
    """Options of ``temporal``.

    Attributes:
        quantile: Share of all ratings, earliest first, that are visible. Several
            increasing shares, as in ``0.8-0.9``, make one fold each.
        date: First moment that is hidden, instead of ``quantile``: an ISO date or date
            and time, in UTC if it has no zone. Several increasing dates, joined by
            ``+``, make one fold each.
    """

    quantile: tuple[Fraction, ...] = (0.9,)
    date: str = ""

    def __post_init__(self) -> None:
        if self.date and self.quantile != (0.9,):
            raise ValueError("give quantile or date, not both")
        if not _rises(self.quantile):
            raise ValueError("quantile must be one share, or several that increase")
        if self.date and not _rises(_moments(self.date)):
            raise ValueError(f"the dates must increase: {self.date}")

    @property
    def set_aside(self) -> frozenset[str]:
        """``quantile``, if ``date`` replaces it."""
        return frozenset({"quantile"} if self.date else ())


class _Cut(msgspec.Struct, frozen=True):
    """The time limits of a fold.

    Attributes:
        name: Name of the fold.
        visible: Last moment that is visible, in seconds since 1970.
        hidden: Last moment that is hidden; later ratings are left out.
    """

    name: str
    visible: float
    hidden: float


def split_temporal(
    ratings: Ratings, shipped: Mapping[str, Partition], options: TemporalOptions
) -> Iterator[Partition]:
    """Yield one fold per moment, which hides all later ratings of all users.

    A moment is the linearly interpolated quantile of the timestamps, and ratings of
    that second stay visible. A date is the first second that is hidden. A single moment
    gives one fold named ``later``. Several give ``t1``, ``t2``, …: each hides the
    ratings between its moment and the next, and leaves out those after that.
    """
    stamps = has_timestamps(ratings, "temporal")
    for cut in _cuts(stamps, options):
        yield _between(stamps, cut)


def has_timestamps(ratings: Ratings, protocol: str) -> NDArray[np.int64]:
    """Return the timestamps of *ratings*.

    Raises:
        ProtocolError: There are none, but *protocol* needs them.
    """
    if ratings.timestamps is None:
        raise ProtocolError(
            f"Protocol {protocol!r} needs timestamps, but this data set has none. "
            f"Try -p holdout or -p kfold."
        )
    return ratings.timestamps


class TemporalUserOptions(Options, frozen=True):
    """Options of ``temporal-user``.

    Attributes:
        fraction: Share of each user's ratings to hide, latest first, rounded. So users
            with few ratings have none hidden.
        last: Number of each user's ratings to hide, latest first, instead of
            ``fraction``. Users with no more ratings than that have none hidden.
    """

    fraction: Fraction = 0.1
    last: Count | None = None

    def __post_init__(self) -> None:
        if self.last is not None and self.fraction != 0.1:
            raise ValueError("give fraction or last, not both")

    @property
    def set_aside(self) -> frozenset[str]:
        """``fraction``, if ``last`` replaces it."""
        return frozenset({"fraction"} if self.last else ())


def split_temporal_user(
    ratings: Ratings, shipped: Mapping[str, Partition], options: TemporalUserOptions
) -> Iterator[Partition]:
    """Yield one fold that hides each user's latest ratings.

    Among a user's ratings of the same second, those further down in canonical order, in
    which data sets are loaded, count as later. Other users' ratings are visible
    whatever their time, so a model may see the future; ``temporal`` prevents that.
    """
    stamps = has_timestamps(ratings, "temporal-user")
    counts = tally(ratings.users, ratings.n_users)
    if options.last is None:
        n_hidden = np.round(counts * options.fraction).astype(np.int64)
        n_hidden = np.minimum(n_hidden, np.maximum(counts - 1, 0))
    else:
        n_hidden = np.where(counts > options.last, options.last, 0)
    by_time = order_within(ratings.users, ratings.n_users, stamps)
    end = np.cumsum(counts)
    yield hiding_by_user("later", ratings.users, by_time, end - n_hidden, end)


def carve_latest(train: Ratings, options: TemporalOptions, seed: int) -> Partition:
    """Set aside the latest tenth of the ratings."""
    rule = TemporalOptions(quantile=(1 - VALIDATION_FRACTION,))
    return next(split_temporal(train, {}, rule))


def carve_latest_by_user(
    train: Ratings, options: TemporalUserOptions, seed: int
) -> Partition:
    """Set aside each user's latest ratings, by the same rule as the test."""
    return next(split_temporal_user(train, {}, options))


def _cuts(stamps: NDArray[np.int64], options: TemporalOptions) -> list[_Cut]:
    if options.date:
        # The second before a date is the last one that is visible.
        moments = [ceil(moment) - 1.0 for moment in _moments(options.date)]
    else:
        moments = [quantile_of(stamps, quantile) for quantile in options.quantile]
    if len(moments) == 1:
        return [_Cut("later", moments[0], inf)]
    spans = pairwise([*moments, inf])
    return [_Cut(f"t{k}", *span) for k, span in enumerate(spans, start=1)]


def _moments(dates: str) -> list[float]:
    """Return the moment of each date, in seconds since 1970."""
    moments = []
    for text in _NEXT_DATE.split(dates):
        when = datetime.fromisoformat(text.strip())
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        moments.append(when.timestamp())
    return moments


def _rises(numbers: "list[float] | tuple[float, ...]") -> bool:
    return bool(numbers) and all(one < other for one, other in pairwise(numbers))


def _between(stamps: NDArray[np.int64], cut: _Cut) -> Partition:
    """Return the fold that hides what lies between the moments of *cut*."""
    n = len(stamps)
    train = positions_where(n, lambda part: stamps[part] <= cut.visible)
    hidden = positions_where(
        n, lambda part: (stamps[part] > cut.visible) & (stamps[part] <= cut.hidden)
    )
    return Partition(name=cut.name, train=train, history=train, hidden=hidden)

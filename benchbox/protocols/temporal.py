"""In time: what is later is hidden, for all at one moment or for each user in turn."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from math import ceil, inf

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.errors import ProtocolError
from benchbox.options import Options
from benchbox.protocols.partition import (
    VALIDATION_FRACTION,
    Count,
    Fraction,
    Partition,
    hiding,
)
from benchbox.ratings import IndexArray, Positions, Ratings


class TemporalOptions(Options, frozen=True):
    """Options of ``temporal``.

    Attributes:
        quantile: Share of all ratings, by time, that are visible; several rising
            shares, as in ``0.8-0.9``, make as many folds.
        date: Instead: when the hidden ratings begin, as an ISO date or date and time,
            UTC; several that rise are joined by ``+``.
    """

    quantile: tuple[Fraction, ...] = (0.9,)
    date: str = ""

    def __post_init__(self) -> None:
        if self.date and self.quantile != (0.9,):
            raise ValueError("give quantile or date, not both")
        if not _rises(self.quantile):
            raise ValueError("quantile must be one share, or several that rise")
        if self.date and not _rises(_moments(self.date)):
            raise ValueError(f"the dates must rise: {self.date}")

    @property
    def set_aside(self) -> frozenset[str]:
        """The quantile, where there is a date."""
        return frozenset({"quantile"} if self.date else ())


class _Cut(msgspec.Struct, frozen=True):
    """A fold in time: visible up to one second, hidden up to another, both within."""

    name: str
    visible: float
    hidden: float


def split_temporal(
    ratings: Ratings, shipped: Mapping[str, Partition], options: TemporalOptions
) -> Iterator[Partition]:
    """Yield one fold per moment; what is later, for all users, is hidden.

    A moment is the linearly interpolated quantile of the timestamps; ratings of that
    very second stay visible. A date is the first second that is hidden. One moment
    makes the fold ``later``. Several make ``t1``, ``t2``, …, each of which hides what
    lies between its moment and the next; what is later still it leaves out.
    """
    stamps = has_timestamps(ratings, "temporal")
    for cut in _cuts(stamps, options):
        is_visible = stamps <= cut.visible
        if cut.hidden == inf:
            yield hiding(cut.name, np.flatnonzero(~is_visible), len(ratings))
            continue
        train = np.flatnonzero(is_visible)
        hidden = np.flatnonzero(~is_visible & (stamps <= cut.hidden))
        yield Partition(name=cut.name, train=train, history=train, hidden=hidden)


def has_timestamps(ratings: Ratings, protocol: str) -> NDArray[np.int64]:
    """Return the timestamps of *ratings*.

    Raises:
        ProtocolError: There are none; *protocol* needs them.
    """
    if ratings.timestamps is None:
        raise ProtocolError(
            f"Protocol {protocol!r} needs timestamps, and this data set has none. "
            f"Try -p holdout or -p kfold."
        )
    return ratings.timestamps


def moment_of(stamps: NDArray[np.int64], quantile: float) -> float:
    """Return the linearly interpolated *quantile* of timestamps, in seconds."""
    return float(np.quantile(stamps, quantile))


class TemporalUserOptions(Options, frozen=True):
    """Options of ``temporal-user``.

    Attributes:
        fraction: Share of each user's ratings to hide, the latest ones; rounded, so
            that users with few ratings hide none.
        last: Instead: how many of each user's ratings to hide, the latest ones. Users
            with no more than that hide none.
    """

    fraction: Fraction = 0.1
    last: Count | None = None

    def __post_init__(self) -> None:
        if self.last is not None and self.fraction != 0.1:
            raise ValueError("give fraction or last, not both")

    @property
    def set_aside(self) -> frozenset[str]:
        """The fraction, where there is a number."""
        return frozenset({"fraction"} if self.last else ())


def split_temporal_user(
    ratings: Ratings, shipped: Mapping[str, Partition], options: TemporalUserOptions
) -> Iterator[Partition]:
    """Yield one fold that hides each user's latest ratings.

    Of a user's ratings in one second those of later items in canonical order, in which
    data sets are loaded, count as later. Other users' ratings of any time are visible,
    so that a model may know what was still to come; ``temporal`` does not let it.
    """
    stamps = has_timestamps(ratings, "temporal-user")
    counts = np.bincount(ratings.users, minlength=ratings.n_users)
    if options.last is None:
        n_hidden = np.round(counts * options.fraction).astype(np.int64)
        n_hidden = np.minimum(n_hidden, np.maximum(counts - 1, 0))
    else:
        n_hidden = np.where(counts > options.last, options.last, 0)
    by_time = _in_time(ratings.users, stamps)
    owners = ratings.users[by_time]
    # Places left behind each rating, its own not counted.
    left = np.cumsum(counts)[owners] - 1 - np.arange(len(owners))
    yield hiding("later", by_time[left < n_hidden[owners]], len(ratings))


def carve_latest(train: Ratings, options: TemporalOptions, seed: int) -> Partition:
    """Set the latest tenth of the ratings aside."""
    rule = TemporalOptions(quantile=(1 - VALIDATION_FRACTION,))
    return next(split_temporal(train, {}, rule))


def carve_latest_by_user(
    train: Ratings, options: TemporalUserOptions, seed: int
) -> Partition:
    """Set as many of each user's latest ratings aside as the test hides."""
    return next(split_temporal_user(train, {}, options))


def _cuts(stamps: NDArray[np.int64], options: TemporalOptions) -> list[_Cut]:
    if options.date:
        # The second before is the last that is visible.
        moments = [ceil(moment) - 1.0 for moment in _moments(options.date)]
    else:
        moments = [moment_of(stamps, quantile) for quantile in options.quantile]
    if len(moments) == 1:
        return [_Cut("later", moments[0], inf)]
    spans = pairwise([*moments, inf])
    return [_Cut(f"t{k}", *span) for k, span in enumerate(spans, start=1)]


def _moments(dates: str) -> list[float]:
    """Return when each of the dates begins, in seconds since 1970."""
    moments = []
    for text in dates.split("+"):
        when = datetime.fromisoformat(text.strip())
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        moments.append(when.timestamp())
    return moments


def _rises(numbers: "list[float] | tuple[float, ...]") -> bool:
    return bool(numbers) and all(one < other for one, other in pairwise(numbers))


def _in_time(users: IndexArray, stamps: NDArray[np.int64]) -> Positions:
    """Return all positions, user by user, each user's from early to late."""
    since = stamps - stamps.min()
    span = int(since.max()) + 1
    if span * (int(users.max()) + 1) >= 2**63:
        return np.lexsort((since, users))
    # One sort of one key takes a tenth of the time.
    since += users.astype(np.int64) * span
    return np.argsort(since, kind="stable")

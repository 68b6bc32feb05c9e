"""Calls the code of a protocol, and checks what it returns."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np

from benchbox.arrays import mapped
from benchbox.arrays.positions import is_rising
from benchbox.errors import BenchboxError, ProtocolError, counted, error_line, shown
from benchbox.options import Options
from benchbox.protocols.partition import Partition, Protocol
from benchbox.ratings import Positions, Ratings

_MOST_FOLDS = 10_000

Result = TypeVar("Result")


def split_by(
    protocol: Protocol,
    ratings: Ratings,
    shipped: Mapping[str, Partition],
    options: Options,
) -> Iterator[Partition]:
    """Yield the partitions that *protocol* makes of *ratings*, each checked.

    Args:
        protocol: The protocol; it cannot write to the ratings.
        ratings: The data set, in canonical order.
        shipped: Partitions that the data set itself ships, by name.
        options: The protocol's settings.

    Raises:
        ProtocolError: It fails, makes no fold, or makes one that cannot be.
    """
    read_only = ratings.read_only()
    made = iter(_called(protocol, lambda: protocol.split(read_only, shipped, options)))
    names: set[str] = set()
    while (found := _called(protocol, lambda: next(made, None))) is not None:
        partition = _checked(protocol, found, len(ratings))
        if partition.name in names:
            raise _mistake(protocol, f"makes two folds named {partition.name!r}")
        names.add(partition.name)
        if len(names) > _MOST_FOLDS:
            raise _mistake(protocol, f"makes more than {_MOST_FOLDS:,} folds")
        yield partition
    if not names:
        raise _mistake(protocol, "makes no fold")


def carve_by(
    protocol: Protocol, train: Ratings, options: Options, seed: int
) -> Partition:
    """Return the partition of training ratings that *protocol* carves, checked.

    Its parts may be empty.

    Raises:
        ProtocolError: It fails, or what it carves cannot be.
    """
    carved = _called(protocol, lambda: protocol.carve(train.read_only(), options, seed))
    if not isinstance(carved, Partition):
        raise _mistake(protocol, f"carves {shown(carved)}, which is not a Partition")
    for part in ("train", "history", "hidden"):
        _check_positions(protocol, carved, part, len(train))
    return carved


def _called(protocol: Protocol, act: Callable[[], Result]) -> Result:
    try:
        return act()
    except (BenchboxError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise _mistake(protocol, f"fails: {error_line(error)}") from error


def _checked(protocol: Protocol, found: Any, n: int) -> Partition:
    if not isinstance(found, Partition):
        raise _mistake(protocol, f"makes {shown(found)}, which is not a Partition")
    name: Any = found.name
    if not isinstance(name, str) or not name or not name.isprintable():
        raise _mistake(protocol, f"names a fold {shown(name)}")
    parts = ("train", "hidden") if found.is_warm else ("train", "history", "hidden")
    for part in parts:
        n_positions = _check_positions(protocol, found, part, n)
        if not n_positions and part != "history":
            raise ProtocolError(
                f"Protocol {protocol.name!r} leaves the {part} part of fold "
                f"{found.name!r} empty: {n:,} ratings are too few for its options. "
                f"Change them, or choose another protocol."
            )
    return found


def _check_positions(protocol: Protocol, found: Partition, part: str, n: int) -> int:
    """Return how many positions a part has, once they are known to be sound."""
    positions = _called(protocol, lambda: getattr(found, part))
    where = f"the {part} part of fold {found.name!r}"
    is_array = isinstance(positions, np.ndarray) and positions.ndim == 1
    if not is_array or positions.dtype.kind not in "iu":
        raise _mistake(protocol, f"puts {shown(positions)} into {where}")
    if not len(positions):
        return 0
    low, high = positions.min(), positions.max()
    if low < 0 or high >= n:
        raise _mistake(
            protocol,
            f"puts positions from {low} to {high} into {where}, but there are only "
            f"{counted(n, 'rating')}",
        )
    if not _are_distinct(positions, n):
        raise _mistake(protocol, f"puts a rating twice into {where}")
    return len(positions)


def _are_distinct(positions: Positions, n: int) -> bool:
    # Most rise, which is quicker to see.
    if is_rising(positions):
        return True
    is_named = mapped.zeros(n, np.bool_)
    is_named[positions] = True
    return int(np.count_nonzero(is_named)) == len(positions)


def _mistake(protocol: Protocol, what: str) -> ProtocolError:
    return ProtocolError(
        f"Protocol {protocol.name!r} {what}. This is a bug in the protocol."
    )

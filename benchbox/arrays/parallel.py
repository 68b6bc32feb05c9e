"""Parallel work on long columns, part by part, on all cores."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from itertools import chain
from typing import Any, TypeVar

from numpy.typing import NDArray

_PART = 1 << 18
"""Elements per part, few enough that intermediate results stay in the CPU cache."""

_LONG_PART = 1 << 20

T = TypeVar("T")
Result = TypeVar("Result")


def each(function: Callable[[T], Result], parts: Iterable[T]) -> list[Result]:
    """Return the result of *function* for each part, in order, computed by threads.

    Threads suffice, because NumPy releases the global interpreter lock.
    """
    listed = list(parts)
    if len(listed) == 1:
        return [function(listed[0])]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, listed))


def total(
    function: Callable[[T], Result],
    parts: Iterable[T],
    add: Callable[[Result, Result], Result],
) -> Result:
    """Return what *function* gives for each part, added up in order.

    Only a few results are kept at a time, however many parts there are.

    Args:
        function: Computes the result of a part.
        parts: The parts, at least one.
        add: Adds two results.
    """
    listed, n = list(parts), os.cpu_count() or 1
    batches = (listed[at : at + n] for at in range(0, len(listed), n))
    return reduce(add, chain.from_iterable(each(function, some) for some in batches))


def slices(n: int) -> list[slice]:
    """Return slices that split *n* elements into short parts."""
    return [slice(at, min(at + _PART, n)) for at in range(0, n, _PART)]


def long_slices(n: int) -> list[slice]:
    """Return slices that split *n* elements into parts of 8 MB in float64.

    They bound the memory of intermediate results where every part costs something, such
    as a sum per user.
    """
    return [slice(at, min(at + _LONG_PART, n)) for at in range(0, n, _LONG_PART)]


def fill(column: NDArray[Any], make: Callable[[slice], NDArray[Any]]) -> None:
    """Fill *column* with what *make* returns for each slice of it."""

    def put(part: slice) -> None:
        column[part] = make(part)

    each(put, slices(len(column)))


def gather(table: NDArray[Any], places: NDArray[Any], out: NDArray[Any]) -> None:
    """Fill *out* with the entries of *table* at *places*, which may be *out* itself.

    It goes part by part, since NumPy makes int64 copies of positions.

    Args:
        table: The entries.
        places: Positions in *table*, integers, shape ``(n,)``.
        out: Array to be filled, shape ``(n,)``.
    """
    fill(out, lambda part: table[places[part]])

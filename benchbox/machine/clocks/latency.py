"""Latency: how long a single call of `predict` takes, with caches cold and hot."""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import msgspec
import numpy as np

from benchbox.machine.accelerator import Accelerator
from benchbox.machine.clocks.samples import Durations, summarise
from benchbox.ratings import IndexArray

Predict = Callable[[IndexArray, IndexArray], Any]
"""Predicts pairs, and returns when the numbers have reached the host."""

BATCHES = (1, 32, 1024)

_N_SAMPLES = 50
_LONGEST_SECONDS = 20.0
"""For the samples of one case; a model so slow has fewer, and `n` says how many."""

_WARM_UP_CALLS = 5
_MOST_WARM_UP_CALLS = 50
_LONGEST_WARM_UP_SECONDS = 2.0
_STABLE = 0.05
"""Warm-up is over when the median of five calls is this close to that of the last."""

_UNKNOWN_CACHE_BYTES = 64 << 20


class LatencyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The latency of one case.

    Attributes:
        case: ``pairs`` drawn from the hidden ratings, or the ``row`` of one user: all
            items.
        n_pairs: Pairs of a call.
        is_cold: Whether caches were emptied before each call, and the pairs were
            others than before; else the same call was repeated.
        durations: The figures.
        samples_seconds: Every duration, in order.
        n_warm_up: Calls before the first sample, which are in no figure.
        is_stable: Whether warm-up ended because calls took the same time.
    """

    case: str
    n_pairs: int
    is_cold: bool
    durations: Durations
    samples_seconds: list[float]
    n_warm_up: int
    is_stable: bool


def measure_latency(
    predict: Predict,
    users: IndexArray,
    items: IndexArray,
    *,
    n_items: int,
    flush: Callable[[], None],
    n_samples: int = _N_SAMPLES,
) -> list[LatencyRecord]:
    """Time calls of *predict* of several sizes, hot and cold.

    Args:
        predict: What to time.
        users: Users of pairs the model can be asked for, shape ``(n,)``; at least one.
        items: Items of these pairs.
        n_items: Items of a user's row.
        flush: Empties the caches of the device.
        n_samples: Samples of each case.
    """
    stream = np.random.PCG64(0)
    everything = np.arange(n_items, dtype=np.int32)

    def pairs(n: int) -> tuple[IndexArray, IndexArray]:
        chosen = (stream.random_raw(n) % len(users)).astype(np.int64)
        return users[chosen], items[chosen]

    def row(n: int) -> tuple[IndexArray, IndexArray]:
        user = pairs(1)[0]
        return np.repeat(user, n), everything

    cases = [("pairs", n, pairs) for n in BATCHES] + [("row", n_items, row)]
    return [
        _measure(predict, case, n, draw, flush if is_cold else None, n_samples)
        for case, n, draw in cases
        for is_cold in (False, True)
    ]


def cache_flusher(device: Accelerator) -> Callable[[], None]:
    """Return what empties the caches of *device*: it overwrites as much as they hold.

    Where the device does not tell their size, 64 MiB are overwritten.
    """
    return device.overwriter(device.cache_bytes() or _UNKNOWN_CACHE_BYTES)


def _measure(
    predict: Predict,
    case: str,
    n_pairs: int,
    draw: Callable[[int], tuple[IndexArray, IndexArray]],
    flush: Callable[[], None] | None,
    n_samples: int,
) -> LatencyRecord:
    asked = draw(n_pairs)
    n_warm_up, is_stable = _warm_up(lambda: _timed(predict, asked))
    samples: list[float] = []
    started = perf_counter()
    while len(samples) < n_samples:
        if flush is not None:
            asked = draw(n_pairs)
            flush()
        samples.append(_timed(predict, asked))
        if perf_counter() - started > _LONGEST_SECONDS:
            break
    return LatencyRecord(
        case=case,
        n_pairs=n_pairs,
        is_cold=flush is not None,
        durations=summarise(samples),
        samples_seconds=samples,
        n_warm_up=n_warm_up,
        is_stable=is_stable,
    )


def _warm_up(call: Callable[[], float]) -> tuple[int, bool]:
    """Call until the times settle; return how often, and whether they did."""
    n_calls, before = 0, float("inf")
    started = perf_counter()
    while n_calls < _MOST_WARM_UP_CALLS:
        now = median(call() for _ in range(_WARM_UP_CALLS))
        n_calls += _WARM_UP_CALLS
        if abs(now - before) <= _STABLE * now:
            return n_calls, True
        if perf_counter() - started > _LONGEST_WARM_UP_SECONDS:
            break
        before = now
    return n_calls, False


def _timed(predict: Predict, asked: tuple[IndexArray, IndexArray]) -> float:
    started = perf_counter()
    predict(*asked)
    return perf_counter() - started

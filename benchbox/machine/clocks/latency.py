"""Measures the latency of single calls of `predict`, with cold and hot caches."""

from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.machine.accelerator import Accelerator
from benchbox.machine.clocks.samples import Durations, summarise

Columns = Sequence[NDArray[Any]]
"""Pairs: user index, item index and, where the model is told, the time of each."""

Predict = Callable[..., Any]
"""Predicts pairs, given as `Columns`, one argument each; returns once the predictions
are in host memory."""

BATCHES = (1, 32, 1024)

_N_SAMPLES = 50
_LONGEST_SECONDS = 20.0
"""Time limit for the samples of one case; slow models get fewer samples."""

_WARM_UP_CALLS = 5
_MOST_WARM_UP_CALLS = 50
_LONGEST_WARM_UP_SECONDS = 2.0
_STABLE = 0.05
"""Warm-up ends when the medians of five calls and of the five before differ by less
than this fraction."""

_UNKNOWN_CACHE_BYTES = 64 << 20


class LatencyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The latency of one kind of call.

    Attributes:
        case: ``pairs`` drawn from the hidden ratings, or a ``row``: all items for one
            user.
        n_pairs: Number of pairs per call.
        is_cold: Whether caches were emptied and new pairs drawn before each call; else
            the same call was repeated.
        durations: Summary of the samples.
        samples_seconds: Duration of each call, in order.
        n_warm_up: Number of calls before the first sample, which are not included.
        is_stable: Whether the durations had become stable when warm-up ended.
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
    pairs: Columns,
    *,
    n_items: int,
    flush: Callable[[], None],
    n_samples: int = _N_SAMPLES,
) -> list[LatencyRecord]:
    """Time calls of *predict* of several sizes, hot and cold.

    Args:
        predict: Function to time.
        pairs: Pairs to draw from, each column of shape ``(n,)``; at least one.
        n_items: Number of items in a user's row.
        flush: Empties the caches of the device.
        n_samples: Number of samples of each case.
    """
    stream = np.random.PCG64(0)
    everything = np.arange(n_items, dtype=np.int32)

    def some(n: int) -> Columns:
        chosen = (stream.random_raw(n) % len(pairs[0])).astype(np.int64)
        return [column[chosen] for column in pairs]

    def row(n: int) -> Columns:
        user, _, *times = some(1)
        return [np.repeat(user, n), everything, *(np.repeat(t, n) for t in times)]

    cases = [("pairs", n, some) for n in BATCHES] + [("row", n_items, row)]
    return [
        _measure(predict, case, n, draw, flush if is_cold else None, n_samples)
        for case, n, draw in cases
        for is_cold in (False, True)
    ]


def cache_flusher(device: Accelerator) -> Callable[[], None]:
    """Return a function that empties the caches of *device* by overwriting memory.

    If the size of the caches is unknown, it overwrites 64 MiB.
    """
    return device.overwriter(device.cache_bytes() or _UNKNOWN_CACHE_BYTES)


def _measure(
    predict: Predict,
    case: str,
    n_pairs: int,
    draw: Callable[[int], Columns],
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
    """Call until durations are stable; return the number of calls, and whether."""
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


def _timed(predict: Predict, asked: Columns) -> float:
    started = perf_counter()
    predict(*asked)
    return perf_counter() - started

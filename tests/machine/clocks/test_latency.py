"""Latency: what is asked, how often, cold apart from hot, and every sample kept."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchbox.machine.clocks import latency
from benchbox.machine.clocks.latency import (
    LatencyRecord,
    cache_flusher,
    measure_latency,
)
from benchbox.machine.processor import Processor

USERS = np.repeat(np.arange(20, dtype=np.int32), 3)
ITEMS = np.tile(np.arange(3, dtype=np.int32), 20)


class Clock:
    """A clock that moves only when a model works or caches are emptied."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.asked: list[tuple[np.ndarray, np.ndarray]] = []
        self.is_cold = False
        self.first_calls = 0
        monkeypatch.setattr(latency, "perf_counter", lambda: self.now)

    def predict(self, users: np.ndarray, items: np.ndarray) -> None:
        self.asked.append((users, items))
        # A pair takes a microsecond, a cold call ten times as long.
        self.now += len(users) * 1e-6 * (10 if self.is_cold else 1)
        if self.first_calls:
            self.now += 0.01 * self.first_calls
            self.first_calls -= 1
        self.is_cold = False

    def flush(self) -> None:
        self.is_cold = True
        self.now += 0.001


def measured(clock: Clock, **settings) -> dict[tuple[str, int, bool], LatencyRecord]:
    found = measure_latency(
        clock.predict, [USERS, ITEMS], n_items=700, flush=clock.flush, **settings
    )
    return {(r.case, r.n_pairs, r.is_cold): r for r in found}


def test_each_size_is_timed_hot_and_cold_and_flushing_is_in_no_figure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = measured(Clock(monkeypatch))

    sizes = [("pairs", 1), ("pairs", 32), ("pairs", 1024), ("row", 700)]
    assert list(found) == [(*size, cold) for size in sizes for cold in (False, True)]
    for (_, n, is_cold), record in found.items():
        truth = n * 1e-6 * (10 if is_cold else 1)
        assert record.durations.median_seconds == pytest.approx(truth)
        assert record.durations.n == len(record.samples_seconds) >= 30
        assert record.is_stable


def test_pairs_are_those_asked_for_and_a_row_is_one_user_and_all_items(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    measured(clock)

    known = set(zip(USERS.tolist(), ITEMS.tolist(), strict=True))
    rows = [(u, i) for u, i in clock.asked if len(u) == 700]
    others = [(u, i) for u, i in clock.asked if len(u) != 700]
    assert all(len(set(u)) == 1 and i.tolist() == list(range(700)) for u, i in rows)
    assert all(
        set(zip(u.tolist(), i.tolist(), strict=True)) <= known for u, i in others
    )
    assert all(column.dtype == np.int32 for pair in clock.asked for column in pair)


def test_warm_up_ends_when_calls_take_the_same_time_and_is_in_no_figure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    clock.first_calls = 12

    record = measured(clock)["pairs", 1, False]

    assert record.n_warm_up == 20
    assert record.durations.p99_seconds == pytest.approx(1e-6)


def test_a_call_that_never_settles_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    draw = np.random.Generator(np.random.PCG64(1))

    def erratic(users: np.ndarray, items: np.ndarray) -> None:
        clock.now += float(draw.exponential(0.05))

    monkeypatch.setattr(clock, "predict", erratic)
    found = measured(clock, n_samples=30)

    assert not all(record.is_stable for record in found.values())
    assert all(record.n_warm_up <= 50 for record in found.values())


def test_a_slow_model_has_fewer_samples_and_they_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)

    def slow(users: np.ndarray, items: np.ndarray) -> None:
        clock.now += 3.0

    monkeypatch.setattr(clock, "predict", slow)

    assert {r.durations.n for r in measured(clock).values()} == {7}


def test_as_much_is_overwritten_as_caches_hold_and_64_mib_where_nobody_knows() -> None:
    class Overwritten(Processor):
        size: int | None = 2 << 20

        def cache_bytes(self, folder: Path = Path()) -> int | None:
            return self.size

        def overwriter(self, n_bytes: int) -> Callable[[], None]:
            sizes.append(n_bytes)
            return super().overwriter(n_bytes)

    sizes: list[int] = []
    device = Overwritten()
    cache_flusher(device)()
    device.size = None
    cache_flusher(device)()

    assert sizes == [2 << 20, 64 << 20]

"""Steps: durations of training steps, measured where the work is done."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import perf_counter_ns
from typing import Protocol

from benchbox.machine.accelerator import Accelerator, Events, TimedEvent

_CAPACITY = 4096
"""Newest steps that are kept; the number of all is known."""


class StepClock(Protocol):
    """Times steps, and tells their durations once training is over.

    Attributes:
        n_steps: Steps timed so far.
    """

    n_steps: int

    def step(self) -> AbstractContextManager[None]:
        """Return a context that times its block."""

    def seconds(self) -> list[float]:
        """Return the durations of the newest steps, oldest first."""


def step_clock(device: Accelerator, capacity: int = _CAPACITY) -> StepClock:
    """Return the clock for *device*: its own where it works beside the host."""
    if not device.is_accelerator:
        return HostStepClock(capacity)
    events = device.events()
    return NoStepClock() if events is None else EventStepClock(device, events, capacity)


class HostStepClock:
    """Times steps by the host's clock, for devices whose calls end with their work.

    Args:
        capacity: Newest steps to keep.
    """

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self.n_steps = 0
        self._ring = [0] * capacity

    @contextmanager
    def step(self) -> Iterator[None]:
        """Time the block."""
        started = perf_counter_ns()
        yield
        self._ring[self.n_steps % len(self._ring)] = perf_counter_ns() - started
        self.n_steps += 1

    def seconds(self) -> list[float]:
        """Return the durations of the newest steps, oldest first."""
        return [self._ring[k] / 1e9 for k in _newest(self.n_steps, len(self._ring))]


class EventStepClock:
    """Times steps by pairs of events in the device's own queue.

    Nothing waits for the device until the durations are asked for: a wait in each step
    would keep the host from working ahead, and so measure another program.

    Args:
        device: An accelerator.
        events: Its events.
        capacity: Newest steps to keep; their events are used again in a ring.
    """

    def __init__(
        self, device: Accelerator, events: Events, capacity: int = _CAPACITY
    ) -> None:
        self.n_steps = 0
        self._device, self._events = device, events
        self._capacity = capacity
        self._ring: list[tuple[TimedEvent, TimedEvent]] = []

    @contextmanager
    def step(self) -> Iterator[None]:
        """Time the block on the device."""
        started, ended = self._pair()
        self._events.record(started)
        yield
        self._events.record(ended)
        self.n_steps += 1

    def seconds(self) -> list[float]:
        """Wait for the device once; return the newest steps' durations."""
        self._device.synchronize()
        pairs = (self._ring[k] for k in _newest(self.n_steps, self._capacity))
        # Events tell milliseconds.
        return [started.elapsed_time(ended) / 1e3 for started, ended in pairs]

    def _pair(self) -> tuple[TimedEvent, TimedEvent]:
        place = self.n_steps % self._capacity
        if place == len(self._ring):
            self._ring.append((self._events.new(), self._events.new()))
        return self._ring[place]


class NoStepClock:
    """Times nothing, where a device works beside the host and has no events.

    The host would time how fast it hands out work, and a wait in each step would
    measure another program.
    """

    n_steps = 0

    def step(self) -> AbstractContextManager[None]:
        """Return a context that does nothing."""
        return nullcontext()

    def seconds(self) -> list[float]:
        """Return nothing."""
        return []


def _newest(n_steps: int, capacity: int) -> list[int]:
    """Return the places of the newest steps in the ring, oldest first."""
    kept = min(n_steps, capacity)
    return [k % capacity for k in range(n_steps - kept, n_steps)]

"""Times training steps, on the device that does the work."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from time import perf_counter_ns
from typing import Protocol

from benchbox.machine.accelerator import Accelerator, Events, TimedEvent

_CAPACITY = 4096
"""Number of newest steps whose durations are stored; all steps are counted."""


_EVERY = 16
"""Without events, one of so many steps is timed."""


class StepClock(Protocol):
    """Times steps, and returns their durations after training.

    Attributes:
        n_steps: Number of steps so far.
    """

    n_steps: int

    def step(self) -> AbstractContextManager[None]:
        """Return a context manager that times its block."""

    def seconds(self) -> list[float]:
        """Return the durations of the newest steps, oldest first."""


def step_clock(device: Accelerator, capacity: int = _CAPACITY) -> StepClock:
    """Return the step clock for *device*: its events, if it is an accelerator."""
    if not device.is_accelerator:
        return HostStepClock(capacity)
    events = device.events()
    if events is None:
        return WaitingStepClock(device, capacity)
    return EventStepClock(device, events, capacity)


class HostStepClock:
    """Times steps by the host's clock, for devices that work synchronously.

    Args:
        capacity: Number of newest steps to store.
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
    """Times steps by pairs of events in the device's queue.

    The host waits for the device only when durations are read. Waiting in each step
    would keep it from queueing work ahead, which changes what is measured.

    Args:
        device: An accelerator.
        events: Events of the accelerator.
        capacity: Number of newest steps to store, in a ring of reused events.
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
        """Wait for the device; return the durations of the newest steps in order."""
        self._device.synchronize()
        pairs = (self._ring[k] for k in _newest(self.n_steps, self._capacity))
        # Events return milliseconds.
        return [started.elapsed_time(ended) / 1e3 for started, ended in pairs]

    def _pair(self) -> tuple[TimedEvent, TimedEvent]:
        place = self.n_steps % self._capacity
        if place == len(self._ring):
            self._ring.append((self._events.new(), self._events.new()))
        return self._ring[place]


class WaitingStepClock:
    """Times some steps by the host's clock, for an asynchronous device without events.

    The device is waited for before and after a step that is timed, so the host cannot
    queue work ahead. To keep the fit itself nearly as fast as it is, only every
    sixteenth step is timed, from the first on.

    Args:
        device: An accelerator.
        capacity: Number of newest durations to store.
    """

    def __init__(self, device: Accelerator, capacity: int = _CAPACITY) -> None:
        self.n_steps = 0
        self._device = device
        self._timed = HostStepClock(capacity)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Time the block, if it is its turn."""
        if self.n_steps % _EVERY:
            yield
        else:
            self._device.synchronize()
            with self._timed.step():
                yield
                self._device.synchronize()
        self.n_steps += 1

    def seconds(self) -> list[float]:
        """Return the durations of the newest steps that were timed, oldest first."""
        return self._timed.seconds()


def _newest(n_steps: int, capacity: int) -> list[int]:
    """Return the positions of the newest steps in the ring, oldest first."""
    n_stored = min(n_steps, capacity)
    return [k % capacity for k in range(n_steps - n_stored, n_steps)]

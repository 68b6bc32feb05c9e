"""Steps: durations of training steps, measured where the work is done."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from time import perf_counter_ns
from typing import Any, Protocol

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


def step_clock(device: str, capacity: int = _CAPACITY) -> StepClock:
    """Return the clock for *device*: its own where it works beside the host."""
    if device.startswith("cuda"):
        return CudaStepClock(device, capacity)
    return HostStepClock(capacity)


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


class CudaStepClock:
    """Times steps by pairs of events in the device's own queue.

    Nothing waits for the device until the durations are asked for: a wait in each step
    would keep the host from working ahead, and so measure another program.

    Args:
        device: Such as ``"cuda:0"``.
        capacity: Newest steps to keep; their events are used again in a ring.
    """

    def __init__(self, device: str, capacity: int = _CAPACITY) -> None:
        import torch

        self.n_steps = 0
        self._device = torch.device(device)
        self._capacity = capacity
        self._ring: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    @contextmanager
    def step(self) -> Iterator[None]:
        """Time the block on the device."""
        import torch

        started, ended = self._pair()
        stream = torch.cuda.current_stream(self._device)
        started.record(stream)
        yield
        ended.record(stream)
        self.n_steps += 1

    def seconds(self) -> list[float]:
        """Wait for the device once; return the newest steps' durations."""
        import torch

        torch.cuda.synchronize(self._device)
        pairs = (self._ring[k] for k in _newest(self.n_steps, self._capacity))
        # Events tell milliseconds.
        return [started.elapsed_time(ended) / 1e3 for started, ended in pairs]

    def _pair(self) -> Any:
        import torch

        place = self.n_steps % self._capacity
        if place == len(self._ring):
            event: Any = torch.cuda.Event
            self._ring.append((event(enable_timing=True), event(enable_timing=True)))
        return self._ring[place]


def _newest(n_steps: int, capacity: int) -> list[int]:
    """Return the places of the newest steps in the ring, oldest first."""
    kept = min(n_steps, capacity)
    return [k % capacity for k in range(n_steps - kept, n_steps)]

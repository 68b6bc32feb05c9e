"""Clocks: phase seconds that include the accelerator's work, and peak memory."""

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter, process_time


class PhaseClock:
    """Wall and CPU seconds per named phase.

    An accelerator works on after a call returns, so it is waited for on both sides
    of a phase: a phase pays for what it started, and for nothing else.

    Attributes:
        wall_seconds: Wall-clock seconds by phase; a repeated phase adds up.
        cpu_seconds: Processor seconds of all threads by phase.
    """

    def __init__(self, synchronize: Callable[[], None] | None = None) -> None:
        self.wall_seconds: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}
        self._synchronize = synchronize or (lambda: None)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the block as part of phase *name*, also if it fails."""
        self._synchronize()
        cpu, wall = process_time(), perf_counter()
        try:
            yield
        finally:
            self._synchronize()
            _add(self.wall_seconds, name, perf_counter() - wall)
            _add(self.cpu_seconds, name, process_time() - cpu)


def peak_memory_bytes(usage: resource.struct_rusage) -> int:
    """Return the largest resident set *usage* tells of."""
    # Linux counts in KiB, macOS in bytes.
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _add(seconds: dict[str, float], name: str, spent: float) -> None:
    seconds[name] = seconds.get(name, 0.0) + spent

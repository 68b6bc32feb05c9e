"""Times phases, including all work they start on accelerators and in threads."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter, process_time

Wait = Callable[[], None]


class PhaseClock:
    """Wall-clock and processor seconds by phase.

    Accelerators keep working after a call returns. The clock waits for them before and
    after each phase, so a phase is charged for exactly the work it started.

    Attributes:
        wall_seconds: Wall-clock seconds by phase; repeated phases add up.
        cpu_seconds: Processor seconds by phase, of all threads and of child processes
            that have ended.

    Args:
        synchronize: Waits for the accelerator.
        settle: Waits for threads and processes that the phase left running, or fails.
            It is called within the phase, unless the phase failed.
    """

    def __init__(
        self, synchronize: Wait | None = None, settle: Wait | None = None
    ) -> None:
        self.wall_seconds: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}
        self._synchronize = synchronize or _nothing
        self._settle = settle or _nothing

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the block as part of phase *name*, even if it fails."""
        self._synchronize()
        cpu, wall = cpu_seconds(), perf_counter()
        try:
            yield
            self._settle()
        finally:
            self._synchronize()
            _add(self.wall_seconds, name, perf_counter() - wall)
            _add(self.cpu_seconds, name, cpu_seconds() - cpu)


class LapClock:
    """Wall-clock and processor seconds since the last lap, for the epochs of a fit."""

    def __init__(self, synchronize: Wait | None = None) -> None:
        self._synchronize = synchronize or _nothing
        self._wall, self._cpu = perf_counter(), cpu_seconds()

    def lap(self) -> tuple[float, float]:
        """Return wall-clock and processor seconds since the last call or the start."""
        self._synchronize()
        wall, cpu = perf_counter(), cpu_seconds()
        spent = wall - self._wall, cpu - self._cpu
        self._wall, self._cpu = wall, cpu
        return spent


def cpu_seconds() -> float:
    """Return processor seconds of this process and of its children that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return process_time() + ended.ru_utime + ended.ru_stime


def _nothing() -> None:
    pass


def _add(seconds: dict[str, float], name: str, spent: float) -> None:
    seconds[name] = seconds.get(name, 0.0) + spent

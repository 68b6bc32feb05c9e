"""Detects other runs and other work on the machine while a trial is timed."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

import psutil

from benchbox.machine.environment import usable_cpus
from benchbox.machine.presence import Presence

_BUSY_SHARE = 0.1
"""Other work that uses more than this share of the processors disturbs timings."""

_LEAST_WINDOW_SECONDS = 1.0
"""Shorter windows are too inexact, as the system counts hundredths of a second."""


Mark = tuple[float, float]
"""A moment, and the processor seconds that other work had used by then."""


@dataclass(frozen=True, slots=True)
class Since:
    """What was there when a trial began.

    Attributes:
        mark: When that was.
        n_met: How many other runs had come so far.
        there: Process ids of the other runs.
    """

    mark: Mark
    n_met: int = 0
    there: frozenset[int] = frozenset()


class Watch:
    """Detects other runs and other work during the trials of a run.

    Several trials may be watched at once. If other runs cannot be detected, they count
    as other work.

    Args:
        own_seconds: Processor seconds of our own processes so far.
    """

    def __init__(self, own_seconds: Callable[[], float]) -> None:
        self._presence: Presence | None = None
        self._announce()
        self._meter = LoadMeter(own_seconds)

    def start(self) -> Since:
        """Mark the beginning of a trial."""
        if self._presence is not None and not self._presence.is_announced():
            self.close()
            self._announce()
        mark = self._meter.start()
        if self._presence is None:
            return Since(mark)
        there = frozenset(self._presence.runs_now())
        return Since(mark, len(self._presence.runs_met()), there)

    def seen(self, since: Since) -> tuple[tuple[str, ...], float | None]:
        """Return what disturbed a trial, and the processors other work used.

        Args:
            since: What `start` returned when it began.
        """
        load = self._meter.foreign_cpus(since.mark)
        runs = sorted(since.there)
        if self._presence is not None:
            met = self._presence.runs_met()[since.n_met :]
            runs = sorted({*runs, *met, *self._presence.runs_now()})
        told = [f"benchbox ran beside it (process {pid})" for pid in runs]
        return tuple(filter(None, [*told, disturbance(load)])), load

    def close(self) -> None:
        """Leave."""
        if self._presence is not None:
            self._presence.close()
        self._presence = None

    def _announce(self) -> None:
        with suppress(OSError):
            self._presence = Presence()


class LoadMeter:
    """Measures how many processors other work keeps busy.

    Args:
        own_seconds: Processor seconds of our own processes so far.
    """

    def __init__(self, own_seconds: Callable[[], float]) -> None:
        self._own_seconds = own_seconds
        self._cpus = usable_cpus()
        self._marks = [self._mark()]

    def start(self) -> Mark:
        """Return the beginning of a time that `foreign_cpus` can measure."""
        now = self._mark()
        old = [m for m in self._marks if now[0] - m[0] >= _LEAST_WINDOW_SECONDS]
        # The newest that is old enough serves a trial that lasts no time at all.
        self._marks = [*old[-1:], *self._marks[len(old) :], now]
        return now

    def foreign_cpus(self, since: Mark) -> float | None:
        """Return how many processors other work used on average.

        If less than a second has passed, return the average over the last second, or
        `None` if there is no such second yet.

        Args:
            since: What `start` returned.
        """
        now = self._mark()
        # The mark itself may be forgotten while other trials begin and end.
        old = [
            mark
            for mark in (*self._marks, since)
            if mark[0] <= since[0] and now[0] - mark[0] >= _LEAST_WINDOW_SECONDS
        ]
        if not old:
            return None
        seconds, work = (now[k] - max(old)[k] for k in (0, 1))
        return max(0.0, work / seconds)

    def _mark(self) -> Mark:
        return monotonic(), _busy_seconds(self._cpus) - self._own_seconds()


def disturbance(foreign_cpus: float | None) -> str:
    """Return a text if so much other work disturbs timings; else an empty string."""
    n_cpus = len(usable_cpus())
    if foreign_cpus is None or foreign_cpus < _BUSY_SHARE * n_cpus:
        return ""
    return f"other work used {foreign_cpus:.1f} of {n_cpus} processors"


def tree_cpu_seconds(pid: int) -> float:
    """Return processor seconds of a process and of its children that have ended."""
    with suppress(psutil.NoSuchProcess):
        return sum(psutil.Process(pid).cpu_times()[:4])
    return 0.0


def family_cpu_seconds(pid: int) -> float:
    """Return processor seconds of a process and of all it has started, still running.

    What it has started is listed for that, which takes milliseconds.
    """
    with suppress(psutil.NoSuchProcess):
        running = psutil.Process(pid).children(recursive=True)
        # Itself last: one that ends meanwhile is counted among its children then.
        return sum(tree_cpu_seconds(one) for one in (*(p.pid for p in running), pid))
    return 0.0


def _busy_seconds(cpus: list[int]) -> float:
    total = 0.0
    for number, times in enumerate(psutil.cpu_times(percpu=True)):
        if number in cpus:
            # Guests are counted among user and nice already.
            resting = ("idle", "iowait", "guest", "guest_nice")
            total += sum(
                seconds
                for name, seconds in times._asdict().items()
                if name not in resting
            )
    return total

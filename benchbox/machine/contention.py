"""Detects other runs and other work on the machine while a trial is timed."""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import IO

import psutil

from benchbox.machine.environment import usable_cpus

_BUSY_SHARE = 0.1
"""Other work that uses more than this share of the processors disturbs timings."""

_LEAST_WINDOW_SECONDS = 1.0
"""Shorter windows are too inexact, as the system counts hundredths of a second."""


class Presence:
    """Announces this run to other runs of this user, and detects them.

    Each run holds a lock on its own file, which the system releases however the run
    ends. It also writes its process id into the files of all other runs, so that they
    detect it even if it ends before they check.

    Args:
        folder: Folder of the files; by default a folder of the user.

    Raises:
        OSError: The files cannot be created.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or _runtime_folder()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._folder.stat().st_uid != os.getuid():
            raise PermissionError(f"{self._folder} belongs to somebody else")
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        hidden = self._folder / name
        self._path = self._folder / f"{name}.run"
        self._file: IO[str] = hidden.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        # Only now may others see it: unlocked it would be taken for a leftover.
        hidden.rename(self._path)
        for other in self._others():
            with suppress(OSError), other.open("a") as file:
                file.write(f"{os.getpid()}\n")

    def runs_met(self) -> list[int]:
        """Return process ids of runs that began after this one, in order."""
        return [int(line) for line in self._path.read_text().split()]

    def runs_now(self) -> list[int]:
        """Return process ids of the other runs that exist now, each once, in order."""
        return sorted({int(path.name.partition("-")[0]) for path in self._others()})

    def close(self) -> None:
        """Leave."""
        self._path.unlink(missing_ok=True)
        self._file.close()

    def _others(self) -> list[Path]:
        paths = set(self._folder.glob("*.run")) - {self._path}
        return sorted(path for path in paths if _is_held(path))


class Watch:
    """Detects other runs and other work during the trials of a run.

    If other runs cannot be detected, they count as other work.

    Args:
        own_seconds: Processor seconds of our own processes so far.
    """

    def __init__(self, own_seconds: Callable[[], float]) -> None:
        self._presence: Presence | None = None
        with suppress(OSError):
            self._presence = Presence()
        self._meter = LoadMeter(own_seconds)
        self._met = 0
        self._there: set[int] = set()

    def start(self) -> None:
        """Mark the beginning of a trial."""
        if self._presence is not None:
            self._met = len(self._presence.runs_met())
            self._there = set(self._presence.runs_now())
        self._meter.start()

    def seen(self) -> tuple[tuple[str, ...], float | None]:
        """Return what disturbed since `start`, and the processors other work used."""
        load = self._meter.foreign_cpus()
        runs = sorted(self._there)
        if self._presence is not None:
            met = self._presence.runs_met()[self._met :]
            runs = sorted({*runs, *met, *self._presence.runs_now()})
        told = [f"benchbox ran beside it (process {pid})" for pid in runs]
        return tuple(filter(None, [*told, disturbance(load)])), load

    def close(self) -> None:
        """Leave."""
        if self._presence is not None:
            self._presence.close()


class LoadMeter:
    """Measures how many processors other work keeps busy.

    Args:
        own_seconds: Processor seconds of our own processes so far.
    """

    def __init__(self, own_seconds: Callable[[], float]) -> None:
        self._own_seconds = own_seconds
        self._cpus = usable_cpus()
        self._marks = [self._mark()]

    def start(self) -> None:
        """Mark the beginning of the time that `foreign_cpus` measures."""
        now = self._mark()
        old = [m for m in self._marks if now[0] - m[0] >= _LEAST_WINDOW_SECONDS]
        # The newest that is old enough serves a trial that lasts no time at all.
        self._marks = [*old[-1:], *self._marks[len(old) :], now]

    def foreign_cpus(self) -> float | None:
        """Return how many processors other work used on average since `start`.

        If less than a second has passed, return the average over the last second, or
        `None` if there is no such second yet.
        """
        began, now = self._marks[-1][0], self._mark()
        old = [
            mark
            for mark in self._marks
            if mark[0] <= began and now[0] - mark[0] >= _LEAST_WINDOW_SECONDS
        ]
        if not old:
            return None
        seconds, work = (now[k] - old[-1][k] for k in (0, 1))
        return max(0.0, work / seconds)

    def _mark(self) -> tuple[float, float]:
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


def _is_held(path: Path) -> bool:
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _runtime_folder() -> Path:
    own = os.environ.get("XDG_RUNTIME_DIR")
    if own and os.access(own, os.W_OK):
        return Path(own) / "benchbox"
    return Path(tempfile.gettempdir()) / f"benchbox-{os.getuid()}"

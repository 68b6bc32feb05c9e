"""Silence: ends a trial that says, prints and computes nothing, as after a deadlock."""

from contextlib import suppress
from time import monotonic

import psutil

_IDLE = 0.01
"""Share of one processor below which a trial does nothing: waiting takes some too."""

_FIRST_SECONDS = 1.0
"""After which a trial is looked at for the first time."""


class Silence:
    """Watches for how long a trial has shown no sign of life.

    Args:
        seconds: How long that may be; `None` for ever.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._quiet_since = monotonic()
        # Most trials are small, and over before anybody need ask.
        self._look_at = self._quiet_since + min(_FIRST_SECONDS, (seconds or 0) / 2)
        self._signs, self._cpu_seconds = 0, 0.0

    def broken(self, pid: int, n_signs: int) -> str:
        """Return why the trial is to be ended; empty if it is not.

        Args:
            pid: The trial's process; those that it has started count too.
            n_signs: How often it has said or printed something so far.
        """
        now = monotonic()
        if self._seconds is None or now < self._look_at:
            return ""
        # Seldom, since asking for the times of processes takes time from a trial.
        every = self._seconds / 2
        self._look_at = now + every
        cpu_seconds = _cpu_seconds_of_all(pid)
        is_busy = abs(cpu_seconds - self._cpu_seconds) > _IDLE * every
        if is_busy or n_signs != self._signs:
            self._signs, self._cpu_seconds = n_signs, cpu_seconds
            self._quiet_since = now
        if now - self._quiet_since < self._seconds:
            return ""
        return f"said, printed and computed nothing for {self._seconds:g} s"


def _cpu_seconds_of_all(pid: int) -> float:
    """Return processor seconds of a process and of all that it has started."""
    total = 0.0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                total += sum(one.cpu_times()[:4])
    return total

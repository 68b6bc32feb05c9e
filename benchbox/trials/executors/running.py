"""Running: one child of the zygote, followed to whatever end it comes to."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from select import select
from threading import Event
from time import monotonic
from typing import Any, Generic, TypeVar

import psutil

from benchbox.machine import Family, MemoryLease, n_usable_cpus
from benchbox.records import Ended, Reply, Started, Status, ZygoteMessage
from benchbox.trials.executors.channel import Line, LineError
from benchbox.trials.executors.printed import Printed
from benchbox.trials.executors.silence import Silence

_GRACE_SECONDS = 2.0
"""Between the polite signal and the one that cannot be refused."""

_POLL_SECONDS = 0.2
"""How often the limits are looked at."""

_START_SECONDS = 60.0
"""In which the zygote must have started a child; it takes hundredths of a second."""

_LOST_SECONDS = 30.0
"""In which the system must have ended a child that was killed, however large."""

_LAST_READS = 1000
"""After the end of a child: something it left behind might write for ever."""

MOST_PROCESSES = max(64, 4 * n_usable_cpus())
"""Of a trial with all it has started; a pool has a worker for each processor."""

Received = TypeVar("Received")

Cause = tuple[Status, str]
"""Status and reason of a trial that the runner has ended."""


class ZygoteLostError(Exception):
    """The zygote is of no use any more; the message says what happened."""


class Limits:
    """When a child has had enough.

    Args:
        seconds: Wall-clock seconds from its start; `None` for no limit.
        n_bytes: Memory of the child and all it has started; `None` for no limit.
        silent_seconds: Wall-clock seconds without a sign of life; `None` for no limit.
        lease: Its share of the memory, while others run; `None` if it has all.
    """

    def __init__(
        self,
        seconds: float | None = None,
        n_bytes: int | None = None,
        silent_seconds: float | None = None,
        lease: MemoryLease | None = None,
    ) -> None:
        self._seconds, self._bytes, self._lease = seconds, n_bytes, lease
        self.silence = Silence(silent_seconds)

    def broken(self, family: Family, elapsed_seconds: float) -> Cause | None:
        """Return the status and reason of the limit that was passed, if any."""
        if self._seconds is not None and elapsed_seconds > self._seconds:
            return "timeout", f"did not end within {self._seconds:g} s"
        # Before memory, since to measure that of thousands takes too long.
        if n_processes := family.n_beyond(MOST_PROCESSES):
            return "failed", (
                f"had {n_processes:,} processes at once, of {MOST_PROCESSES} it may"
            )
        if self._bytes is not None:
            enough = self._bytes if self._lease is None else self._lease.n_bytes
            used = family.memory_bytes(min(enough, self._bytes))
            if used > self._bytes:
                return "out-of-memory", (
                    f"used {used / 2**30:.2f} GiB of the "
                    f"{self._bytes / 2**30:.2f} GiB it may"
                )
            if self._lease is not None and not self._lease.covers(used):
                return "out-of-memory", (
                    f"used {used / 2**30:.2f} GiB, more than other trials had left"
                )
        return None


@dataclass(frozen=True, slots=True)
class End:
    """The end of a child.

    Attributes:
        status: Its exit code, or the negated number of the signal that ended it.
        elapsed_seconds: How long it ran.
        peak_memory_bytes: Its largest resident set, if it started.
        cause: Why the runner has ended it, if it has.
        survivors: What it has started and the system could not end.
    """

    status: int
    elapsed_seconds: float = 0.0
    peak_memory_bytes: int | None = None
    cause: Cause | None = None
    survivors: tuple[psutil.Process, ...] = ()

    def verdict(self) -> Cause:
        """Return the status and reason of a child that said nothing itself."""
        return self.cause or ("crashed", explain(self.status))


class RunningChild(Generic[Received]):
    """A running child, as the runner sees it.

    Args:
        line: The line to the child.
        control: The line to the zygote.
        printed: Takes what the child prints.
        family: All that the zygote starts.
        take: Takes each message of the child; what it returns is the answer.
        glance: Called with the child's process id a few times a second.
        is_stopped: Tells whether the zygote has been stopped.
        stop: Set by another thread that interrupts the trial.
    """

    def __init__(
        self,
        line: Line[Received],
        control: Line[ZygoteMessage],
        printed: Printed,
        family: Family,
        take: Callable[[Received], Reply | None],
        glance: Callable[[int], None] = lambda pid: None,
        is_stopped: Callable[[], bool] = lambda: False,
        stop: Event | None = None,
    ) -> None:
        self._line, self._control, self._printed = line, control, printed
        self._family = family
        self._take, self._glance, self._is_stopped = take, glance, is_stopped
        self._stop = stop
        self._pid: int | None = None
        self._started = monotonic()
        self._is_open = True
        self._ended: Ended | None = None
        self._cause: Cause | None = None
        self._kill_at = self._look_at = 0.0
        self._signs = 0

    @property
    def cause(self) -> Cause | None:
        """Why the runner ends the child, if it does."""
        return self._cause

    def follow(self, limits: Limits) -> End:
        """Pass messages on until the child ends or breaks a limit.

        Raises:
            ZygoteLostError: The zygote answers no more.
            EOFError: The zygote has ended.
            KeyboardInterrupt: Another thread interrupts the trial.
        """
        while self._ended is None:
            if self._stop is not None and self._stop.is_set():
                raise KeyboardInterrupt
            self._step()
            if self._ended is None:
                self._look(limits)
        elapsed = monotonic() - self._started
        self._drain()
        survivors = self._family.end()
        return End(
            status=self._ended.status,
            elapsed_seconds=elapsed,
            peak_memory_bytes=self._ended.peak_memory_bytes,
            cause=self._cause,
            survivors=tuple(survivors),
        )

    def kill(self) -> None:
        """End the child at once, and wait until it is gone.

        Raises:
            ZygoteLostError: The zygote answers no more.
        """
        self._end_for(("interrupted", "the runner has ended it"), grace_seconds=0.0)
        with suppress(EOFError):
            while self._ended is None:
                self._step()
                self._look(Limits())

    def signal(self, number: int) -> None:
        """Send a signal to the child, and to its process group, which it may leave."""
        # Once it has ended, its number may be another's.
        if self._pid is None or self._ended is not None:
            return
        for send in (os.kill, os.killpg):
            with suppress(ProcessLookupError, PermissionError):
                send(self._pid, number)

    def _look(self, limits: Limits) -> None:
        """Do what is due: look at the limits, or end the child."""
        now = monotonic()
        if self._pid is not None:
            self._glance(self._pid)
        if now < self._look_at:
            return
        self._look_at = now + _POLL_SECONDS
        if self._is_stopped():
            raise ZygoteLostError("the process that starts trials was stopped")
        if self._pid is None:
            if now - self._started > _START_SECONDS:
                raise ZygoteLostError(
                    f"no trial was started within {_START_SECONDS:g} s"
                )
            return
        if self._cause is None:
            broken = limits.broken(self._family, now - self._started)
            if silent := limits.silence.broken(self._pid, self._signs):
                broken = broken or ("timeout", silent)
            if broken is not None:
                # One that takes ever more memory must not go on for a moment.
                is_polite = broken[0] == "timeout"
                self._end_for(broken, _GRACE_SECONDS if is_polite else 0.0)
                if not is_polite:
                    self._family.end()
        elif now > self._kill_at + _LOST_SECONDS:
            raise ZygoteLostError(
                f"the end of a trial was not told within {_LOST_SECONDS:g} s"
            )
        elif now > self._kill_at:
            self.signal(signal.SIGKILL)

    def _end_for(self, cause: Cause, grace_seconds: float) -> None:
        self._cause = self._cause or cause
        self._kill_at = monotonic() + grace_seconds
        self.signal(signal.SIGTERM if grace_seconds else signal.SIGKILL)

    def _step(self) -> None:
        """Handle what has arrived, or wait for it for a moment."""
        sources: list[Any] = [self._control.socket]
        sources += [self._line.socket] if self._is_open else []
        sources += [self._printed.source] if self._printed.is_open else []
        ready, _, _ = select(sources, [], [], _POLL_SECONDS)
        self._signs += bool(ready)
        if self._printed.source in ready:
            self._printed.read()
        if self._line.socket in ready:
            self._hear()
        if self._control.socket in ready:
            for message in self._control.waiting():
                if isinstance(message, Started):
                    self._pid, self._started = message.pid, monotonic()
                elif isinstance(message, Ended) and message.pid == self._pid:
                    self._ended = message

    def _hear(self) -> None:
        """Take what the child has said; what it may not say ends it."""
        try:
            for message in self._line.waiting():
                answer = self._take(message)
                if answer is not None:
                    # A child that has died meanwhile is noticed by its end.
                    with suppress(BrokenPipeError):
                        self._line.send(answer)
        except EOFError:
            self._is_open = False
        except LineError as error:
            self._is_open = False
            self._end_for(("failed", f"its process {error}"), grace_seconds=0.0)

    def _drain(self) -> None:
        for _ in range(_LAST_READS):
            if not self._is_open or not select([self._line.socket], [], [], 0)[0]:
                return
            self._hear()


def explain(status: int) -> str:
    """Return in words how a process ended."""
    if status >= 0:
        return (
            f"the process ended with exit code {status} before its result was written"
        )
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = "a signal without a name"
    hint = {
        "SIGSEGV": "segmentation fault",
        "SIGKILL": "killed, perhaps by the system for want of memory",
        "SIGABRT": "aborted",
    }.get(name, "killed")
    return f"{hint} (signal {-status}, {name})"

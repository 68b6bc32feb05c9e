"""Running: one child of the zygote, followed to whatever end it comes to."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from select import select
from time import monotonic
from typing import Generic, TypeVar

import psutil

from benchbox.records import Ended, Pairs, Started, Status, ZygoteMessage
from benchbox.trials.executors.channel import Line

_GRACE_SECONDS = 2.0
"""Between the polite signal and the one that cannot be refused."""

_POLL_SECONDS = 0.2
"""How often the limits are looked at."""

Received = TypeVar("Received")


class Limits:
    """When a child has had enough.

    Args:
        seconds: Wall-clock seconds from now; `None` for no limit.
        n_bytes: Resident memory; `None` for no limit.
    """

    def __init__(
        self, seconds: float | None = None, n_bytes: int | None = None
    ) -> None:
        self._seconds, self._bytes = seconds, n_bytes
        self._started = monotonic()

    def broken(self, pid: int) -> tuple[Status, str] | None:
        """Return the status and reason of the limit that *pid* has passed, if any."""
        if self._seconds is not None and monotonic() - self._started > self._seconds:
            return "timeout", f"did not end within {self._seconds:g} s"
        if self._bytes is not None:
            with suppress(psutil.NoSuchProcess):
                used = psutil.Process(pid).memory_info().rss
                if used > self._bytes:
                    return "out-of-memory", (
                        f"used {used / 2**30:.2f} GiB of the "
                        f"{self._bytes / 2**30:.2f} GiB it may"
                    )
        return None


@dataclass(frozen=True, slots=True)
class End:
    """The end of a child.

    Attributes:
        status: Its exit code, or the negated number of the signal that ended it.
        peak_memory_bytes: Its largest resident set, if it started.
        broken_limit: Status and reason of the limit it was ended for, if any.
    """

    status: int
    peak_memory_bytes: int | None = None
    broken_limit: tuple[Status, str] | None = None

    def verdict(self) -> tuple[Status, str]:
        """Return the status and reason of a child that said nothing itself."""
        return self.broken_limit or ("crashed", explain(self.status))


class RunningChild(Generic[Received]):
    """A running child, as the runner sees it.

    Args:
        line: The line to the child.
        control: The line to the zygote.
        take: Takes each message of the child; what it returns is the answer.
        glance: Called with the child's process id a few times a second.
    """

    def __init__(
        self,
        line: Line[Received],
        control: Line[ZygoteMessage],
        take: Callable[[Received], Pairs | None],
        glance: Callable[[int], None] = lambda pid: None,
    ) -> None:
        self._line, self._control = line, control
        self._take, self._glance = take, glance
        self._pid: int | None = None
        self._open = True

    def follow(self, limits: Limits) -> End:
        """Pass messages on until the child ends or breaks a limit."""
        broken: tuple[Status, str] | None = None
        deadline = 0.0
        while True:
            ended = self._step()
            if ended is not None:
                self._drain()
                return End(ended.status, ended.peak_memory_bytes, broken)
            if self._pid is None:
                continue
            self._glance(self._pid)
            if broken is None:
                broken = limits.broken(self._pid)
                if broken is not None:
                    self.signal(signal.SIGTERM)
                    deadline = monotonic() + _GRACE_SECONDS
            elif monotonic() > deadline:
                self.signal(signal.SIGKILL)

    def kill(self) -> None:
        """End the child at once, and wait until it is gone."""
        with suppress(EOFError):
            while self._pid is None:
                self._step()
            self.signal(signal.SIGKILL)
            while self._step() is None:
                pass

    def signal(self, number: int) -> None:
        """Send a signal to the child and all it has started."""
        if self._pid is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._pid, number)

    def _step(self) -> Ended | None:
        """Handle what has arrived; return the end of the child once it is told."""
        sockets = [self._control.socket, *([self._line.socket] if self._open else [])]
        ready, _, _ = select(sockets, [], [], _POLL_SECONDS)
        if self._line.socket in ready:
            self._drain()
        if self._control.socket in ready:
            for message in self._control.waiting():
                if isinstance(message, Started):
                    self._pid = message.pid
                elif isinstance(message, Ended) and message.pid == self._pid:
                    return message
        return None

    def _drain(self) -> None:
        if not self._open:
            return
        try:
            while select([self._line.socket], [], [], 0)[0]:
                for message in self._line.waiting():
                    answer = self._take(message)
                    if answer is not None:
                        # A child that has died meanwhile is noticed by its end.
                        with suppress(BrokenPipeError):
                            self._line.send(answer)
        except EOFError:
            self._open = False


def explain(status: int) -> str:
    """Return in words how a process ended."""
    if status >= 0:
        return (
            f"the process ended with exit code {status} before its result was written"
        )
    name = signal.Signals(-status).name
    hint = {
        "SIGSEGV": "segmentation fault",
        "SIGKILL": "killed, perhaps by the system for want of memory",
        "SIGABRT": "aborted",
    }.get(name, "killed")
    return f"{hint} (signal {-status}, {name})"

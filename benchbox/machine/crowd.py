"""Crowds: processes that multiply, counted and ended faster than they do so.

While hundreds of processes compute, each gets a hundredth of a processor, and so does
the one that is to end them: it must not look at each of them twice.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_native_id
from time import monotonic, sleep

_PROC = Path("/proc")

_HIGHEST_PRIORITY = -20

_PATIENCE_SECONDS = 10.0


def n_tasks() -> int:
    """Return how many processes and threads there are on the machine; 0 if unknown."""
    with suppress(OSError):
        return int((_PROC / "loadavg").read_text().split()[3].partition("/")[2])
    return 0


def descendants(head: int) -> Iterator[int]:
    """Yield the process ids of all that *head* has started and that run, parents first.

    A process that starts meanwhile has a larger number than its parent, as a rule, and
    is among them.
    """
    members = {head}
    with os.scandir(_PROC) as entries:
        for entry in entries:
            if not entry.name.isdecimal():
                continue
            with suppress(OSError):
                told = (_PROC / entry.name / "stat").read_bytes()
                state, parent = told.rpartition(b")")[2].split()[:2]
                if int(parent) in members:
                    members.add(int(entry.name))
                    if state not in b"ZX":
                        yield int(entry.name)


def count_descendants(head: int) -> int:
    """Return how many *head* has started that run."""
    with _before_others():
        return sum(1 for _ in descendants(head))


def end_descendants(head: int) -> None:
    """End all that *head* has started, which adopts orphans, however fast they fork."""
    deadline = monotonic() + _PATIENCE_SECONDS
    with _before_others():
        while _kill(head) and monotonic() < deadline:
            # Those that were killed need a moment of the processor, too.
            sleep(0.001)


def _kill(head: int) -> int:
    """Kill all that *head* has started; return how many there were."""
    n_killed = 0
    for pid in descendants(head):
        n_killed += 1
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return n_killed


@contextmanager
def _before_others() -> Iterator[None]:
    """Have this thread go before all others, if the system permits it."""
    me = get_native_id()
    try:
        before = os.getpriority(os.PRIO_PROCESS, me)
        os.setpriority(os.PRIO_PROCESS, me, _HIGHEST_PRIORITY)
    except OSError:
        yield
        return
    group = _priority_of_session(_HIGHEST_PRIORITY)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, me, before)
        _priority_of_session(group)


def _priority_of_session(wanted: int) -> int:
    """Set the priority of this session among others, and return what it was.

    Linux shares the processors among sessions first, and then within each.
    """
    file = _PROC / "self" / "autogroup"
    with suppress(OSError, ValueError, IndexError):
        before = int(file.read_text().split()[-1])
        file.write_text(str(wanted))
        return before
    return 0

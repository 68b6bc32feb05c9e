"""Waits for threads and processes that a model left running after a call."""

import os
import sys
import threading
from time import monotonic, sleep
from types import FrameType

import psutil

from benchbox.errors import ModelError
from benchbox.machine.family import has_children

_PATIENCE_SECONDS = 5.0
"""How long to wait for work left running; the wait counts towards the phase."""

_N_CHECKS = 3
"""Threads are checked several times, as one in a pool seems idle between two tasks."""

_CHECK_SECONDS = 0.001

# Where threads of the standard library wait for work. Only Python threads are visible
# here; the pools of OpenMP, BLAS and torch only work during calls.
_WAITING = {
    ("threading.py", "wait"),
    ("threading.py", "join"),
    ("threading.py", "_wait_for_tstate_lock"),
    ("queue.py", "get"),
    ("thread.py", "_worker"),
    ("selectors.py", "select"),
    ("connection.py", "_recv"),
    ("connection.py", "accept"),
    ("connection.py", "wait"),
    ("pool.py", "worker"),
    ("pool.py", "_handle_tasks"),
    ("pool.py", "_handle_results"),
}

# Where they are handed work through a queue, and the variable that holds it.
_QUEUES = {
    ("queue.py", "get"): "self",
    ("thread.py", "_worker"): "work_queue",
    ("pool.py", "worker"): "inqueue",
    ("pool.py", "_handle_tasks"): "taskqueue",
    ("pool.py", "_handle_results"): "outqueue",
}

# Processes that only do bookkeeping, and end with their parent.
_HELPERS = ("resource_tracker", "multiprocessing.forkserver")


_LIBRARY = os.path.dirname(os.__file__)


def await_afterwork(patience_seconds: float = _PATIENCE_SECONDS) -> None:
    """Wait until no other thread is working and no child process is alive.

    Threads that wait for work, as in an idle pool or the monitor of a progress bar, are
    ignored.

    Raises:
        ModelError: Something is still working after *patience_seconds*.
    """
    deadline = monotonic() + patience_seconds
    while left := _at_work():
        if monotonic() > deadline:
            raise ModelError(
                f"{' and '.join(left)} kept working for {patience_seconds:g} s after "
                f"the call returned. End or join them before returning."
            )
        sleep(_CHECK_SECONDS)


def _at_work() -> list[str]:
    return [*_working_threads(), *_living_children()]


def _working_threads() -> list[str]:
    """Return the threads that work during a check; empty if all wait in each check."""
    for _ in range(_N_CHECKS):
        frames = sys._current_frames()
        del frames[threading.get_ident()]
        if not frames:
            break
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        working = [ident for ident, frame in frames.items() if not _waits(frame)]
        if working:
            return [f"thread {names.get(ident, str(ident))!r}" for ident in working]
        sleep(_CHECK_SECONDS)
    return []


def _waits(frame: FrameType) -> bool:
    if _place(frame) not in _WAITING:
        return False
    # A thread waits in `get`, or in a `wait` that `get` calls. If the system has not
    # woken it yet, the queue holds its work.
    return not any(_has_work(caller) for caller in (frame, frame.f_back) if caller)


def _place(frame: FrameType) -> tuple[str, str] | None:
    """Return the file and the function, if they are the standard library's."""
    code = frame.f_code
    if not code.co_filename.startswith(_LIBRARY):
        return None
    return os.path.basename(code.co_filename), code.co_name


def _has_work(frame: FrameType) -> bool:
    place = _place(frame)
    if place is None or place not in _QUEUES:
        return False
    # Queues between processes have no size; processes are waited for by themselves.
    size = getattr(frame.f_locals.get(_QUEUES[place]), "qsize", None)
    return size is not None and size() > 0


def _living_children() -> list[str]:
    if not has_children():
        return []
    alive = []
    for child in psutil.Process().children(recursive=True):
        try:
            if child.status() != psutil.STATUS_ZOMBIE and not _only_helps(child):
                alive.append(f"process {child.pid} ({child.name()})")
        except psutil.NoSuchProcess:
            continue
    return alive


def _only_helps(child: psutil.Process) -> bool:
    command = " ".join(child.cmdline())
    return any(name in command for name in _HELPERS)

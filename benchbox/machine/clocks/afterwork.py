"""Afterwork: threads and processes still at work when a call has returned."""

import os
import sys
import threading
from time import monotonic, sleep
from types import FrameType

import psutil

from benchbox.errors import ModelError

_PATIENCE_SECONDS = 5.0
"""How long work left behind is waited for, at its phase's expense."""

_LOOKS = 3
"""A pool's thread between two tasks seems idle for a moment; it is looked at thrice."""

_LOOK_SECONDS = 0.001

_PR_SET_CHILD_SUBREAPER = 36
"""From linux/prctl.h."""

# Where a thread of the standard library stands while nobody has given it work. Only
# Python threads are seen here: the pools of OpenMP, BLAS and torch work inside a call.
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

# Processes that hold nothing but bookkeeping, and end with their parent.
_HELPERS = ("resource_tracker", "multiprocessing.forkserver")


_LIBRARY = os.path.dirname(os.__file__)


def adopt_orphans() -> None:
    """Have processes whose parent ends become children of this one, where possible.

    Otherwise a model could hide a process by forking twice.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def await_afterwork(patience_seconds: float = _PATIENCE_SECONDS) -> None:
    """Wait until no other thread works and no child process lives.

    A thread that waits for work, such as one of an idle pool or the monitor of a
    progress bar, may stay.

    Raises:
        ModelError: Something is still at work after *patience_seconds*.
    """
    deadline = monotonic() + patience_seconds
    while left := _at_work():
        if monotonic() > deadline:
            raise ModelError(
                f"{' and '.join(left)} worked on for {patience_seconds:g} s after the "
                f"call had returned. End or join what a model starts before it returns."
            )
        sleep(_LOOK_SECONDS)


def _at_work() -> list[str]:
    return [*_working_threads(), *_living_children()]


def _working_threads() -> list[str]:
    """Return the threads that worked at one look; all must have waited at each."""
    for _ in range(_LOOKS):
        frames = sys._current_frames()
        del frames[threading.get_ident()]
        if not frames:
            break
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        working = [ident for ident, frame in frames.items() if not _waits(frame)]
        if working:
            return [f"thread {names.get(ident, str(ident))!r}" for ident in working]
        sleep(_LOOK_SECONDS)
    return []


def _waits(frame: FrameType) -> bool:
    code = frame.f_code
    place = (os.path.basename(code.co_filename), code.co_name)
    return place in _WAITING and code.co_filename.startswith(_LIBRARY)


def _living_children() -> list[str]:
    if not _has_children():
        return []
    alive = []
    for child in psutil.Process().children(recursive=True):
        try:
            if child.status() != psutil.STATUS_ZOMBIE and not _only_helps(child):
                alive.append(f"process {child.pid} ({child.name()})")
        except psutil.NoSuchProcess:
            continue
    return alive


def _has_children() -> bool:
    if not hasattr(os, "waitid"):
        return True
    try:
        # Listing processes takes milliseconds, this takes none.
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _only_helps(child: psutil.Process) -> bool:
    command = " ".join(child.cmdline())
    return any(name in command for name in _HELPERS)

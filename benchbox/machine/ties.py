"""Ties between processes: who dies with whom, and to whom orphans fall.

Linux alone has them. Elsewhere these functions do nothing, and a process that its model
has cut loose may live on.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
"""From linux/prctl.h."""

_FIRST_TO_GO = "1000"
"""The highest score: of all processes the system ends this one first."""


def adopt_orphans() -> None:
    """Make this process the parent of orphaned descendants.

    Otherwise a model could hide a process by forking twice.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """End this process at once when its parent ends, however that ends.

    The system takes the end of the *thread* that started this process for the end of
    the parent.

    Args:
        parent: Process id of the parent. If it has ended meanwhile, so does this
            process.
    """
    _prctl(_PR_SET_PDEATHSIG, SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), SIGKILL)


def end_follows(parent: int) -> None:
    """Have the system ask this process to end when its parent ends; see `die_with`."""
    _prctl(_PR_SET_PDEATHSIG, SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), SIGTERM)


def go_first() -> None:
    """Have a system that runs out of memory end this process before any other."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)

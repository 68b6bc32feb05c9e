"""Guard: ends what the zygote and its trials leave running, however they end.

The system ends a trial with the zygote, but not what the trial itself has started. The
zygote does that, unless it was killed with the runner. So it has a parent, which does
nothing but wait for that.
"""

import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

from benchbox.machine import adopt_orphans, die_with, end_follows, end_orphans


def go_on_guarded(runner: int) -> None:
    """Go on in a child of this process, which stays as its guard.

    On systems that let no process adopt orphans, nothing happens.

    Args:
        runner: Process id of the runner, whose end is the end of all; 0 if the zygote
            notices by itself.
    """
    if sys.platform != "linux":
        return
    adopt_orphans()
    guard = os.getpid()
    zygote = os.fork()
    if zygote:
        _stand_guard(zygote, runner)
    die_with(guard)


def _stand_guard(zygote: int, runner: int) -> NoReturn:
    leave_with = 1
    try:
        signal.signal(signal.SIGTERM, lambda *_: _end(zygote))
        if runner:
            end_follows(runner)
        # The line to the runner is the zygote's: it must end with it.
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        _, status = os.waitpid(zygote, 0)
        leave_with = abs(os.waitstatus_to_exitcode(status))
        # The runner may end at this moment, which must not stop what follows.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with suppress(Exception):
            end_orphans()
    finally:
        os._exit(leave_with)


def _end(zygote: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(zygote, signal.SIGKILL)

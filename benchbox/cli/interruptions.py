"""Ends a command on SIGTERM, or when its terminal closes, as on Ctrl-C."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible() -> Iterator[None]:
    """Take SIGTERM and SIGHUP for Ctrl-C, so that no finished trial is lost.

    A signal that is ignored, as SIGHUP after ``nohup``, stays so. In a thread nothing
    changes: signals go to the main thread alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {signal.SIGTERM: signal.default_int_handler, signal.SIGHUP: _hung_up}
    before = {}
    for number, handler in handlers.items():
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _hung_up(number: int, frame: FrameType | None) -> None:
    # The kernel and the shell both tell of it: the second one must not stop what the
    # first one has to write.
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt

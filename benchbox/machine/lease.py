"""Lends an accelerator to one trial at a time, among all runs of a user."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from time import perf_counter

from benchbox.machine.devices import device_named, place_of
from benchbox.machine.presence import opened_file, opened_folder, runtime_folder

_POLL_SECONDS = 0.1


@contextmanager
def leased(
    device: str,
    folder: Path | None = None,
    *,
    waits: Callable[[], None] = lambda: None,
    stop: Event | None = None,
) -> Iterator[float]:
    """Have *device* to oneself in the block; yield the seconds waited for it.

    The processor is not lent. A lease ends with its process, however that ends. Where
    no file can be locked, nothing is.

    Args:
        device: Name of the device.
        folder: Folder of the lock files; by default that of the runs of this user.
        waits: Called if another trial has the device.
        stop: Set by another thread that interrupts the wait.

    Raises:
        KeyboardInterrupt: The wait was interrupted.
    """
    chosen = device_named(device)
    lock = None
    if chosen.is_accelerator:
        with suppress(OSError):
            lock = _opened(f"{place_of(chosen)}.lease", folder)
    if lock is None:
        yield 0.0
        return
    try:
        started = perf_counter()
        if not _is_locked(lock):
            waits()
            _await(lock, stop)
        yield perf_counter() - started
    finally:
        os.close(lock)


def _is_locked(lock: int) -> bool:
    """Lock the file if nobody else has; return whether it is locked now."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _await(lock: int, stop: Event | None) -> None:
    if stop is None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return
    # Only the main thread wakes from the system's own wait when it is interrupted.
    while not _is_locked(lock):
        if stop.wait(_POLL_SECONDS):
            raise KeyboardInterrupt


def _opened(name: str, folder: Path | None) -> int:
    place = opened_folder(folder or runtime_folder())
    try:
        # It is never removed: another run may be about to lock it.
        return opened_file(name, os.O_RDWR | os.O_CREAT, place)
    finally:
        os.close(place)

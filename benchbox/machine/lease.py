"""Lends an accelerator to one trial at a time, among all runs of a user."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter

from benchbox.machine.devices import device_named
from benchbox.machine.presence import opened_file, opened_folder, runtime_folder


@contextmanager
def leased(device: str, folder: Path | None = None) -> Iterator[float]:
    """Have *device* to oneself in the block; yield the seconds waited for it.

    The processor is not lent. A lease ends with its process, however that ends. Where
    no file can be locked, nothing is.

    Args:
        device: Name of the device.
        folder: Folder of the lock files; by default that of the runs of this user.
    """
    chosen = device_named(device)
    lock = None
    if chosen.is_accelerator:
        with suppress(OSError):
            lock = _opened(f"{chosen.kind}-{chosen.index}.lease", folder)
    if lock is None:
        yield 0.0
        return
    try:
        started = perf_counter()
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield perf_counter() - started
    finally:
        os.close(lock)


def _opened(name: str, folder: Path | None) -> int:
    place = opened_folder(folder or runtime_folder())
    try:
        # It is never removed: another run may be about to lock it.
        return opened_file(name, os.O_RDWR | os.O_CREAT, place)
    finally:
        os.close(place)

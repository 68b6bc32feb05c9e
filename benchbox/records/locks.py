"""Locks on folders, which the system releases however their process ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep

from benchbox.errors import ResultsError
from benchbox.records.files import cannot_store

_ATTEMPTS, _PAUSE_SECONDS = 4, 0.05
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others from locking *folder* meanwhile.

    Some network file systems have no locks, and are used all the same.

    Raises:
        BlockingIOError: Another process has locked it.
        ResultsError: It cannot be opened.
    """
    try:
        descriptor = os.open(folder, _FOLDER)
    except OSError as error:
        raise cannot_store(folder, error) from error
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt + 1 == _ATTEMPTS:
                raise
            # It may be one that only looks whether the folder is locked.
            sleep(_PAUSE_SECONDS)
        except OSError:
            return
        else:
            return


def is_locked(folder: Path) -> bool:
    """Return whether a process has locked *folder*, as far as can be told."""
    with suppress(OSError):
        descriptor = os.open(folder, _FOLDER)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False


@contextmanager
def left_behind(folder: Path) -> Iterator[bool]:
    """Return whether *folder* is one of this user's that nobody locks any more.

    If so, it is locked meanwhile. Links are never followed.
    """
    try:
        descriptor = os.open(folder, _FOLDER | os.O_NOFOLLOW)
    except OSError:
        yield False
        return
    try:
        yield os.fstat(descriptor).st_uid == os.geteuid() and _can_lock(descriptor)
    finally:
        os.close(descriptor)


def _can_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def running(folder: Path) -> ResultsError:
    """Return the error that says that another process carries out a run."""
    return ResultsError(
        f"Another benchbox is carrying out run {folder.name} at this moment. Wait "
        f"until it has ended, or stop it."
    )

"""The cache folder for downloads and other replaceable files, and its locks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from benchbox.errors import SourceError

LOCK = ".benchbox-lock"
PARTIAL = ".partial-"


def cache_folder() -> Path:
    """Return ``$BENCHBOX_CACHE``, or the user's default cache folder."""
    if chosen := os.environ.get("BENCHBOX_CACHE"):
        return Path(chosen).expanduser()
    return platformdirs.user_cache_path("benchbox")


def size_of(folder: Path) -> int:
    """Return the total size of all files below *folder*, in bytes."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on *folder*, so processes use it one at a time.

    Raises:
        SourceError: The folder is not writable.
    """
    import fcntl

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("a")
    except OSError as error:
        raise SourceError(
            f"The cache {folder} is not writable: {error.strerror}. Name another "
            f"folder in BENCHBOX_CACHE."
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

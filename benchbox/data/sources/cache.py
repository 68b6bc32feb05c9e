"""Cache: the folder that keeps what can be had again, and its locks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from benchbox.errors import SourceError

LOCK = ".benchbox-lock"
PARTIAL = ".partial-"


def cache_folder() -> Path:
    """Return where downloads are kept: ``$BENCHBOX_CACHE``, or the usual place."""
    if chosen := os.environ.get("BENCHBOX_CACHE"):
        return Path(chosen).expanduser()
    return platformdirs.user_cache_path("benchbox")


def size_of(folder: Path) -> int:
    """Return the bytes of all files below *folder*."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes that ask for the same lock out of *folder*.

    Raises:
        SourceError: The folder cannot be written.
    """
    import fcntl

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("a")
    except OSError as error:
        raise SourceError(
            f"The cache {folder} cannot be written: {error.strerror}. Name another "
            f"folder in BENCHBOX_CACHE."
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

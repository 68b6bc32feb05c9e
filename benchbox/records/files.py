"""Reads files that others may have written; removes folders they may have locked."""

import hashlib
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from benchbox.data import open_regular
from benchbox.errors import DISK_FULL, ResultsError, cannot_write

_BLOCK_BYTES = 1 << 20


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Return the content of a regular file of limited size; see `open_regular`.

    Args:
        path: The file.
        most_bytes: Bytes it may hold.

    Raises:
        FileNotFoundError: It is not there.
        OSError: It is not a regular file, or it is too large.
    """
    with open_regular(path) as file:
        n_bytes = os.fstat(file.fileno()).st_size
        if n_bytes > most_bytes:
            raise OSError(
                f"{path.name} has {n_bytes:,} bytes; {most_bytes:,} are expected "
                f"at most"
            )
        # One byte more tells whether it has grown meanwhile.
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(f"{path.name} grew while it was read")
    return content


def file_digest(path: Path) -> str:
    """Return the hash of a regular file; empty if there is none that can be read."""
    digest = hashlib.sha256()
    try:
        with open_regular(path) as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


def first_change(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return the first change of files by their hashes, in words; empty if none.

    Args:
        before: Hash of each file by its path.
        now: The same at a later time.
    """
    for name in sorted(before.keys() | now.keys()):
        if name not in now:
            return f"{name} is gone"
        if name not in before:
            return f"{name} was added"
        if before[name] != now[name]:
            return f"{name} was changed"
    return ""


def cannot_store(target: Path, error: OSError) -> ResultsError:
    """Return the error that says why a file of results cannot be written."""
    if error.errno in DISK_FULL:
        return ResultsError(
            f"The disk is full: {target} could not be written. What had ended before "
            f"is kept; make room, then continue with --resume."
        )
    return ResultsError(cannot_write(target, error))


def new_folder(parent: Path) -> Path:
    """Return a new folder in *parent*, which is created again if it is missing."""
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(mkdtemp(dir=parent))


def remove_tree(folder: Path) -> None:
    """Remove *folder* and all its files, read-only ones included, as far as possible.

    Links are removed and never followed.
    """
    with suppress(OSError, RecursionError):
        if not stat.S_ISDIR(folder.lstat().st_mode):
            folder.unlink()
            return
        folder.chmod(0o700)
        with os.scandir(folder) as entries:
            paths = [Path(entry.path) for entry in entries]
        for path in paths:
            remove_tree(path)
        folder.rmdir()

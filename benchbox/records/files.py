"""Reads files that others may have written; removes folders they may have locked."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from benchbox.data import open_regular
from benchbox.errors import ResultsError

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


def new_folder(parent: Path) -> Path:
    """Return a new folder in *parent*, which is created again if it is missing."""
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(mkdtemp(dir=parent))


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Provide a temporary folder, which is removed at the end.

    Raises:
        ResultsError: It cannot be made.
    """
    try:
        folder = Path(mkdtemp(prefix="benchbox-"))
    except OSError as error:
        raise ResultsError(
            f"There is no space for temporary files: {error}. Free some, or set "
            f"TMPDIR to a folder that has it."
        ) from None
    try:
        yield folder
    finally:
        remove_tree(folder)


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

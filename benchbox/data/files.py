"""Opens files that others may have written, and hashes them quickly."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from benchbox.arrays.parallel import each

_SAFELY = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Flags to open what may be a link or a pipe: neither is followed nor waited for."""

_PART_BYTES = 8 << 20
"""What one thread hashes at a time."""

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Part:
    file: Path
    start: int
    n_bytes: int


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file to read.

    Links are not followed, and a pipe or a device is neither waited for nor read.

    Raises:
        FileNotFoundError: It is not there.
        OSError: It is not a regular file, or cannot be read.
    """
    descriptor = os.open(path, _SAFELY)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path.name} is not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


def part_digests(files: Mapping[str, Path]) -> dict[str, tuple[bytes, ...]]:
    """Return the SHA-256 of each part of 8 MiB of files; none if one is not regular.

    Processors have instructions for this hash, and all of them take part.

    Args:
        files: Path of each file, by a name.
    """
    parts = {name: _parts(path) for name, path in files.items()}
    flat = [part for of_file in parts.values() for part in of_file]
    if sum(part.n_bytes for part in flat) <= _PART_BYTES:
        # Threads would take longer to start.
        made = iter([_digest(part) for part in flat])
    else:
        made = iter(each(_digest, flat))
    return {name: tuple(next(made) for _ in parts[name]) for name in files}


def _parts(file: Path) -> list[_Part]:
    try:
        found = file.lstat()
    except OSError:
        return []
    if not stat.S_ISREG(found.st_mode):
        return []
    size = found.st_size
    return [
        _Part(file, start, min(_PART_BYTES, size - start))
        for start in range(0, max(size, 1), _PART_BYTES)
    ]


def _digest(part: _Part) -> bytes:
    """Return the digest of a part, read and not mapped: it may be truncated."""
    digest = hashlib.sha256(str(part.n_bytes).encode())
    left = part.n_bytes
    try:
        with open_regular(part.file) as file:
            file.seek(part.start)
            while block := file.read(min(_READ_BYTES, left)):
                digest.update(block)
                left -= len(block)
    except OSError:
        return b""
    return digest.digest()

"""Detects changes in folders that many trials read.

Read-only modes prevent mistakes, but the owner can still write on purpose. Times do
not show every change: root can map a file of tmpfs and write to it, and they stay. So
the files that a trial was given are hashed again after it, with a hash that processors
have instructions for. All other files are hashed only if their times have changed.
"""

import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchbox.parallel import each
from benchbox.records import first_change, open_regular

_PART_BYTES = 8 << 20
"""What one thread hashes at a time."""

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Part:
    file: Path
    start: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class _Seal:
    """Times and hashes of the files of a folder, by their paths in it."""

    marks: dict[str, tuple[int, ...]]
    digests: dict[str, tuple[bytes, ...]]


class Seals:
    """Remembers the files of folders, and says whether they have changed since."""

    def __init__(self) -> None:
        self._seals: dict[Path, _Seal] = {}

    def seal(self, folder: Path) -> None:
        """Make *folder* and all its files read-only, and remember their content."""
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        files = _files(folder)
        self._seals[folder] = _Seal(_marks(files), _digests(files))

    def forget(self, folder: Path) -> None:
        """Stop watching *folder*, which is about to be removed."""
        self._seals.pop(folder, None)

    def changed(self, given: Collection[Path]) -> str:
        """Return the first change since sealing, in words; empty if there is none.

        Args:
            given: The folders whose paths a trial has been given since then.
        """
        for folder, seal in self._seals.items():
            files = _files(folder)
            if folder not in given and _marks(files) == seal.marks:
                continue
            if change := first_change(seal.digests, _digests(files)):
                return f"{folder.name}/{change}"
        return ""


def _files(folder: Path) -> dict[str, Path]:
    """Return all files below *folder*, by their paths in it."""
    return {str(path.relative_to(folder)): path for path in _walk(folder)}


def _walk(folder: Path) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            listed = list(entries)
    except OSError:
        return
    for entry in listed:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)


def _marks(files: dict[str, Path]) -> dict[str, tuple[int, ...]]:
    marks: dict[str, tuple[int, ...]] = {}
    for name, file in files.items():
        try:
            found = file.lstat()
        except OSError:
            continue
        marks[name] = (
            found.st_mode,
            found.st_ino,
            found.st_size,
            found.st_mtime_ns,
            found.st_ctime_ns,
        )
    return marks


def _digests(files: dict[str, Path]) -> dict[str, tuple[bytes, ...]]:
    """Return the digests of the parts of each file, if it is a regular one."""
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

"""Detects changes in folders that many trials read.

Read-only modes prevent mistakes, but the owner can still write on purpose. Times do
not show every change: root can map a file of tmpfs and write to it, and they stay. So
the files that a trial was given are hashed again after it, with a hash that processors
have instructions for. All other files are hashed only if their times have changed.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchbox.data import part_digests
from benchbox.records import first_change


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
        self._seals[folder] = _Seal(_marks(files), part_digests(files))

    def forget(self, folder: Path) -> None:
        """Stop watching *folder*, which is about to be removed."""
        self._seals.pop(folder, None)

    def knows(self, given: Collection[Path]) -> bool:
        """Return whether any of the folders *given* is watched."""
        return not self._seals.keys().isdisjoint(given)

    def changed(self, given: Collection[Path]) -> str:
        """Return the first change since sealing, in words; empty if there is none.

        Args:
            given: The folders whose paths a trial has been given since then.
        """
        for folder, seal in self._seals.items():
            files = _files(folder)
            marks = _marks(files)
            if folder not in given and marks == seal.marks:
                continue
            if change := first_change(seal.digests, part_digests(files)):
                return f"{folder.name}/{change}"
            # Links to the files, which trials are given, change their times.
            self._seals[folder] = replace(seal, marks=marks)
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

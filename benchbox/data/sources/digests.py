"""Hashes of files: SHA-256, remembered until the file changes, and Git's own."""

import os
import time
from contextlib import suppress
from hashlib import blake2b, file_digest, sha1
from pathlib import Path

import msgspec

from benchbox.data.sources.cache import cache_folder
from benchbox.options import UNDECODABLE

REMEMBERED_BYTES = 8 << 20
"""Hashes of smaller files are not saved, since computing them is fast."""

_BLOCK_BYTES = 1 << 20

# File systems may round times, so two changes within this time can look like one.
_SETTLED_NS = 2_000_000_000


GIT_BLOB = "git:"
"""Begins an expected hash that is the id of the file in a Git repository."""


class _State(msgspec.Struct, frozen=True):
    """File metadata, which changes whenever the content does."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int


class _Note(msgspec.Struct, frozen=True):
    state: _State
    sha256: str


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    For a large file the hash is saved, and computed again when the file system reports
    another size, inode or change time (ctime, which unlike mtime no program can set).
    """
    state = _state_of(path)
    if state.size < REMEMBERED_BYTES:
        return _computed(path)
    note = _note_of(path)
    if note is not None and note.state == state:
        return note.sha256
    started = time.time_ns()
    digest = _computed(path)
    is_settled = max(state.modified_ns, state.changed_ns) < started - _SETTLED_NS
    if is_settled and _state_of(path) == state:
        # If the hash cannot be saved, the file is simply read again next time.
        with suppress(OSError):
            _write(path, _Note(state, digest))
    return digest


def same_hash(path: Path, expected: str) -> str:
    """Return the hash of a file, of the same kind as the hash *expected*.

    That is its SHA-256; or, after ``git:``, the id that Git gives its content, which
    publishers who state no hash themselves have with each commit.
    """
    if not expected.startswith(GIT_BLOB):
        return sha256(path)
    content = sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            content.update(block)
    return GIT_BLOB + content.hexdigest()


def kind_of_hash(expected: str) -> str:
    """Return what a hash is called, such as ``"SHA-256"``."""
    return "Git blob id" if expected.startswith(GIT_BLOB) else "SHA-256"


def forget() -> None:
    """Delete all saved hashes."""
    for file in _folder().glob("*.json"):
        file.unlink(missing_ok=True)


def _computed(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _state_of(path: Path) -> _State:
    found = path.stat()
    return _State(
        found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    )


def _folder() -> Path:
    return cache_folder() / "digests"


def _file_of(path: Path) -> Path:
    name = blake2b(os.fsencode(path.resolve()), digest_size=16).hexdigest()
    return _folder() / f"{name}.json"


def _note_of(path: Path) -> _Note | None:
    try:
        return msgspec.json.decode(_file_of(path).read_bytes(), type=_Note)
    except (OSError, *UNDECODABLE):
        return None


def _write(path: Path, note: _Note) -> None:
    file = _file_of(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(f".{os.getpid()}")
    partial.write_bytes(msgspec.json.encode(note))
    partial.replace(file)

"""Digests: the SHA-256 of files, remembered for as long as a file is untouched."""

import os
import time
from contextlib import suppress
from hashlib import blake2b, file_digest
from pathlib import Path

import msgspec

from benchbox.data.sources.cache import cache_folder

REMEMBERED_BYTES = 8 << 20
"""Smaller files are read faster than it takes to worry about them."""

# A file system may round times: two changes within this look like one.
_SETTLED_NS = 2_000_000_000


class _State(msgspec.Struct, frozen=True):
    """What the file system says of a file; no content changes without it."""

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

    Of a large file it is computed once, and again when the file system reports
    another size, inode, or time of the last change (which, unlike the time of the
    last modification, no program can set back).
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
        # Without a place for notes, files are read each time.
        with suppress(OSError):
            _write(path, _Note(state, digest))
    return digest


def forget() -> None:
    """Remove all notes."""
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
    except (OSError, msgspec.DecodeError):
        return None


def _write(path: Path, note: _Note) -> None:
    file = _file_of(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(f".{os.getpid()}")
    partial.write_bytes(msgspec.json.encode(note))
    partial.replace(file)

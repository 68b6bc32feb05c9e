"""Encodes records as JSON that tells whether it was changed, and reads it again."""

import os
import stat
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from benchbox.errors import ResultsError, error_line
from benchbox.records.run import RESULT_FORMAT

_DIGEST = "digest"
"""Field of a record with the hash of all its other fields."""

_MOST_BYTES = 256 << 20
"""Of a file of results that is read whole."""


def encoded(record: msgspec.Struct) -> bytes:
    """Return *record* as JSON, with the digest of its content."""
    # As it will be read: not every value comes back from JSON as it was.
    content = msgspec.json.decode(msgspec.json.encode(record))
    content[_DIGEST] = content_digest(content)
    return msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"


def decoded(file: Path, kind: type[Any]) -> Any:
    """Return the record in *file*.

    Args:
        file: A file that `encoded` made, or an earlier version of it, which had no
            digests.
        kind: Type of the record.

    Raises:
        ResultsError: It cannot be read, is of another format, or was changed.
    """
    content = read_whole(file)
    try:
        record = msgspec.json.decode(content, type=kind)
        plain: dict[str, Any] = msgspec.json.decode(content)
        if record.format != RESULT_FORMAT:
            raise msgspec.ValidationError(
                f"its format is {record.format}, not {RESULT_FORMAT}"
            )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ResultsError(
            f"{file} is not a record of this version of benchbox: {error_line(error)}. "
            f"It was written by another version, or changed by hand."
        ) from error
    if _DIGEST in plain and plain[_DIGEST] != content_digest(plain):
        raise ResultsError(
            f"{file} was changed since benchbox wrote it. Restore it, or remove its "
            f'"digest" to have it read as it is.'
        )
    return record


def content_digest(content: dict[str, Any]) -> str:
    """Return the hash of a record as its file has it, whatever fields it has."""
    own = {name: value for name, value in content.items() if name != _DIGEST}
    return blake2b(msgspec.json.encode(own, order="sorted"), digest_size=16).hexdigest()


def read_whole(file: Path) -> bytes:
    """Return the content of a file of results, which may be a link to a file.

    Raises:
        FileNotFoundError: It is not there.
        ResultsError: It is no file, or cannot be read, or is too large.
    """
    try:
        # A pipe must not be waited for.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as opened:
            found = os.fstat(descriptor)
            if stat.S_ISREG(found.st_mode) and found.st_size <= _MOST_BYTES:
                return opened.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ResultsError(f"{file} cannot be read: {error.strerror}.") from error
    raise ResultsError(f"{file} cannot be read: it is no file, or far too large.")

"""Encodes records as JSON that tells whether it was changed, and reads it again."""

import os
import stat
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from benchbox.errors import ResultsError, error_line
from benchbox.options import UNDECODABLE
from benchbox.records.run import RESULT_FORMAT
from benchbox.records.upgrades import OLDEST_FORMAT, upgraded

_DIGEST = "digest"
"""Field of a record with the hash of all its other fields."""

_MOST_BYTES = 256 << 20
"""Of a file of results that is read whole."""


class _Formatted(msgspec.Struct):
    format: int = RESULT_FORMAT


def encoded(record: msgspec.Struct) -> bytes:
    """Return *record* as JSON of the present format, with the digest of its content."""
    # As it will be read: not every value comes back from JSON as it was.
    content = msgspec.json.decode(msgspec.json.encode(record))
    content["format"] = RESULT_FORMAT
    content[_DIGEST] = content_digest(content)
    return msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"


def decoded(file: Path, kind: type[Any], expected: str = "") -> Any:
    """Return the record in *file*, with the fields of the present format.

    Its ``format`` is that of the file.

    Args:
        file: A file that `encoded` made, in this version or an earlier one.
        kind: Type of the record.
        expected: Hash of the whole file, if it is known from elsewhere; see
            `file_hash`.

    Raises:
        FileNotFoundError: It is not there.
        ResultsError: It cannot be read, is of another format, or was changed.
    """
    content = read_whole(file)
    if expected and file_hash(content) != expected:
        raise ResultsError(f"{file} was changed since benchbox wrote it. Restore it.")
    try:
        number, record = _read(content, kind)
        if not expected:
            _check_digest(file, msgspec.json.decode(content), number)
    except UNDECODABLE as error:
        raise ResultsError(
            f"{file} is not a record of this version of benchbox: {error_line(error)}. "
            f"It was written by another version, or changed by hand."
        ) from error
    return record


def _read(content: bytes, kind: type[Any]) -> tuple[int, Any]:
    """Return the format of a record, and the record in the present format."""
    number = msgspec.json.decode(content, type=_Formatted).format
    if not OLDEST_FORMAT <= number <= RESULT_FORMAT:
        raise msgspec.ValidationError(f"its format is {number}, not {RESULT_FORMAT}")
    if number < RESULT_FORMAT:
        raised = upgraded(msgspec.json.decode(content), number)
        content = msgspec.json.encode(raised)
    return number, msgspec.json.decode(content, type=kind)


def _check_digest(file: Path, content: dict[str, Any], number: int) -> None:
    if _DIGEST not in content:
        # Early records of format 1 had none.
        if number == OLDEST_FORMAT:
            return
        raise ResultsError(f"{file} has lost its digest: it was changed. Restore it.")
    if content[_DIGEST] != content_digest(content):
        raise ResultsError(f"{file} was changed since benchbox wrote it. Restore it.")


def file_hash(content: bytes) -> str:
    """Return the hash of a whole file."""
    return blake2b(content, digest_size=16).hexdigest()


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

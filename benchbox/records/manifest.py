"""The manifest of a run: a line for each record of a trial that was written.

A line is appended, and is on disk, before the record it lists takes its place. So a
record that no line lists was not written by this run, and at most the trial of the last
line may lack its record: the run was killed in between, or is about to write it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from benchbox.errors import ResultsError, is_file_name
from benchbox.options import UNDECODABLE
from benchbox.records.encoding import read_whole
from benchbox.records.files import cannot_store
from benchbox.records.run import RESULT_FORMAT

MANIFEST = "manifest.jsonl"


class _Head(msgspec.Struct):
    format: int


class _Line(msgspec.Struct):
    trial: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What a manifest lists.

    Attributes:
        hashes: Hash of the file of each trial's record, by the name of the trial.
        before: The same before the last line.
        last: Name of the trial of the last line; empty if there is none.
        broken: Numbers of lines that cannot be read.
    """

    hashes: dict[str, str] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    last: str = ""
    broken: list[int] = field(default_factory=list)


def read_manifest(folder: Path) -> Listed:
    """Return what the manifest in *folder* lists.

    An incomplete line at the end is left out: the process died while it wrote it.

    Raises:
        FileNotFoundError: There is none.
        ResultsError: It cannot be read, or is of another version.
    """
    file = folder / MANIFEST
    lines = read_whole(file).split(b"\n")[:-1]
    if not lines:
        return Listed()
    try:
        number = msgspec.json.decode(lines[0], type=_Head).format
    except UNDECODABLE:
        number = 0
    if number != RESULT_FORMAT:
        raise ResultsError(
            f"{file} is not a manifest of this version of benchbox. It was written by "
            f"another version, or changed by hand."
        )
    hashes: dict[str, str] = {}
    before: dict[str, str] = {}
    last, broken = "", []
    for place, text in enumerate(lines[1:], start=2):
        try:
            line = msgspec.json.decode(text, type=_Line)
        except UNDECODABLE:
            broken.append(place)
            continue
        if not is_file_name(line.trial):
            broken.append(place)
            continue
        last, previous = line.trial, hashes.get(line.trial, "")
        before = {last: previous} if previous else {}
        hashes[last] = line.hash
    return Listed(hashes=hashes, before=before, last=last, broken=broken)


def manifest_of(hashes: Mapping[str, str]) -> bytes:
    """Return a manifest that lists trials.

    Args:
        hashes: Hash of the file of each trial's record, by the name of the trial.
    """
    return _head() + b"".join(_line(*item) for item in hashes.items())


def list_trial(folder: Path, trial: str, content_hash: str) -> None:
    """List the record of a trial that is about to be written.

    Args:
        folder: Folder with the manifest.
        trial: Name of the trial.
        content_hash: Hash of the file of its record.

    Raises:
        ResultsError: The manifest cannot be written.
    """
    file = folder / MANIFEST
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        descriptor = os.open(file, flags, 0o666)
        try:
            head = b"" if _end_of_lines(descriptor) else _head()
            _write_whole(descriptor, head + _line(trial, content_hash))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise cannot_store(file, error) from error


def _head() -> bytes:
    return msgspec.json.encode(_Head(RESULT_FORMAT)) + b"\n"


def _line(trial: str, content_hash: str) -> bytes:
    return msgspec.json.encode(_Line(trial, content_hash)) + b"\n"


def _end_of_lines(descriptor: int) -> int:
    """Return the length of a manifest, without an incomplete line, which is removed."""
    end = os.fstat(descriptor).st_size
    if not end or os.pread(descriptor, 1, end - 1) == b"\n":
        return end
    whole = os.pread(descriptor, end, 0).rfind(b"\n") + 1
    os.ftruncate(descriptor, whole)
    return whole


def _write_whole(descriptor: int, text: bytes) -> None:
    while text:
        text = text[os.write(descriptor, text) :]
    os.fsync(descriptor)

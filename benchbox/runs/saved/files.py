"""Writes and reads the record of a saved model, with hashes that show any damage."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from benchbox.errors import ModelError, UsageError, message_of
from benchbox.machine import Environment
from benchbox.models import Precision
from benchbox.options import UNDECODABLE
from benchbox.records import (
    PlannedModel,
    content_digest,
    file_digest,
    first_change,
    read_regular,
)

SAVED_FORMAT = 1

RECORD, STATE, RATINGS = "model.json", "state", "ratings"
"""Contents of the folder."""

_MOST_RECORD_BYTES = 16 << 20


class SavedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Description of a saved model: what it is and how it was fitted.

    Attributes:
        format: Version of this record.
        model: The model and its options.
        dataset: Data set it was fitted to, with its options.
        origin: Where the data set came from.
        data_id: Hash of the ratings.
        n_ratings: Number of ratings.
        seed: Seed the model was given.
        device: Device it was fitted on.
        precision: Precision of torch's matrix products.
        chosen_epoch: Number of epochs that validation chose; `None` without validation.
        fit_seconds: Wall-clock seconds of the fit.
        created: Time of the fit, UTC, ISO 8601.
        environment: Machine and software.
        digests: Hash of each file of the state and the ratings, by its path; empty in
            records of benchbox 0.1.
        digest: Hash of all other fields of this record; empty in records of 0.1.
    """

    format: int = SAVED_FORMAT
    model: PlannedModel
    dataset: str
    origin: str
    data_id: str
    n_ratings: int
    seed: int
    device: str
    precision: Precision
    chosen_epoch: int | None
    fit_seconds: float
    created: str
    environment: Environment
    digests: dict[str, str] = {}
    digest: str = ""


def write_record(folder: Path, record: SavedRecord) -> None:
    """Write *record* beside the state and the ratings in *folder*, with all hashes."""
    record = msgspec.structs.replace(record, digests=_digests(folder), digest="")
    content = msgspec.to_builtins(record)
    content["digest"] = content_digest(content)
    encoded = msgspec.json.format(msgspec.json.encode(content), indent=1)
    (folder / RECORD).write_bytes(encoded + b"\n")


def read_record(folder: Path) -> SavedRecord:
    """Return the record in *folder*, after checking it and the files beside it.

    Raises:
        UsageError: The folder has no saved model.
        ModelError: A file is damaged, or the record is from another version.
    """
    file = folder / RECORD
    if not file.exists():
        raise UsageError(
            f"There is no saved model in {str(folder)!r}. Make one with: "
            f"benchbox fit MODEL --out {folder}"
        )
    try:
        encoded = read_regular(file, _MOST_RECORD_BYTES)
        record = msgspec.json.decode(encoded, type=SavedRecord)
        content: dict[str, Any] = msgspec.json.decode(encoded)
    except (OSError, *UNDECODABLE) as error:
        raise ModelError(
            f"{file} is not a saved model of this version of benchbox: "
            f"{message_of(error)}. Fit it again."
        ) from None
    if record.format != SAVED_FORMAT:
        raise ModelError(
            f"{file} is of format {record.format}, and this benchbox reads "
            f"{SAVED_FORMAT}. Fit the model again."
        )
    if record.digest and record.digest != content_digest(content):
        raise damaged(folder, f"{RECORD} was changed")
    if record.digests and (change := first_change(record.digests, _digests(folder))):
        raise damaged(folder, change)
    for path in _files(folder):
        # Of links that go round in a circle, a question raises an error.
        with suppress(OSError):
            if path.is_file():
                continue
        raise damaged(folder, f"{path.relative_to(folder)} is not a regular file")
    return record


def damaged(folder: Path, how: str) -> ModelError:
    """Return the error that says how the saved model in *folder* is damaged."""
    return ModelError(f"The model saved in {folder} is damaged: {how}. Fit it again.")


def _digests(folder: Path) -> dict[str, str]:
    """Return the hash of each file of the state and the ratings, by its path."""
    return {
        file.relative_to(folder).as_posix(): file_digest(file)
        for file in _files(folder)
    }


def _files(folder: Path) -> list[Path]:
    return [
        Path(place) / name
        for part in (STATE, RATINGS)
        for place, _, names in os.walk(folder / part)
        for name in names
        # Some systems put files of their own wherever one looks.
        if not name.startswith(".")
    ]

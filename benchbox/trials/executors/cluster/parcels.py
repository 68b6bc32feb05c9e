"""Parcels: files as arrays of bytes, for the way to another machine and back."""

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchbox.data import open_regular
from benchbox.errors import ModelError
from benchbox.targets import file_of, files_of, root_of

Parcel = dict[str, NDArray[np.uint8]]
"""The bytes of each file by its path within a folder, with slashes."""

_SAME_MOMENT = 1_000_000_000
"""When each file was changed, as compilers see it: so that their caches hold."""


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """Which code of a model a trial needs.

    Attributes:
        target: The class; of a file, with its path within the parcel.
        options_type: Its options record, likewise; empty for none.
        digest: Hash of its source; empty if unknown.
        distribution: Distribution it is from; empty for a file.
        version: Version of that distribution.
    """

    target: str
    options_type: str = ""
    digest: str = ""
    distribution: str = ""
    version: str = ""


def packed(folder: Path) -> Parcel:
    """Return the regular files below *folder*.

    Raises:
        OSError: One of them cannot be read, or is a link.
    """
    paths = [Path(at, name) for at, _, names in os.walk(folder) for name in names]
    return _packed(paths, folder)


def packed_code(target: str) -> Parcel:
    """Return a file with a class, and those beside it that it imports.

    The paths are within the folder that the file is imported from. The parcel is empty
    for a class of a module.
    """
    file = file_of(target)
    if file is None:
        return {}
    return _packed({path.resolve() for path in files_of(file)}, root_of(file.resolve()))


def within_parcel(target: str) -> str:
    """Return *target* with the path that its file has in its parcel of code."""
    file = file_of(target)
    if file is None:
        return target
    place = file.resolve()
    return _at(place.relative_to(root_of(place)), target)


def within_folder(target: str, folder: Path) -> str:
    """Return *target* with the path that its file has in an unpacked parcel."""
    file = file_of(target)
    return target if file is None else _at(folder / file, target)


def unpack(parcel: Parcel, folder: Path) -> None:
    """Write the files of *parcel* below *folder*, which is created.

    Raises:
        ModelError: A path would lead out of the folder.
        OSError: A file cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in parcel.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise ModelError(f"a file is named {name!r}, which leads elsewhere")
        file = folder / path
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        content.tofile(file)
        os.utime(file, (_SAME_MOMENT, _SAME_MOMENT))


def _packed(paths: Iterable[Path], root: Path) -> Parcel:
    return {path.relative_to(root).as_posix(): _content(path) for path in sorted(paths)}


def _content(path: Path) -> NDArray[np.uint8]:
    with open_regular(path) as file:
        return np.frombuffer(file.read(), dtype=np.uint8)


def _at(path: Path, target: str) -> str:
    return f"{path}:{target.rpartition(':')[2]}"

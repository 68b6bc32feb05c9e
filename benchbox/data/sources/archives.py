"""Copies single files out of zip and tar archives that others have made.

Nothing is written under a name from the archive, so no path in it can lead out of the
folder; links are not followed, and no file may be far larger than it is packed.
"""

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from benchbox.data.sources.source import NO_ROOM, PassedOverError
from benchbox.errors import error_line

if TYPE_CHECKING:
    from zipfile import ZipInfo

MOST_BYTES = 64 << 30
"""Of a file in an archive; the largest data sets take a tenth."""

MOST_FOLD = 200
"""By which a file in an archive may be packed; ratings are packed some fivefold."""

LEAST_BYTES = 1 << 20
"""Files as small may be packed more, since nobody is harmed."""

_ENCRYPTED = 0x1
"""Flag of a file in a zip archive."""

_MOST_MEMBERS = 1_000_000
_LINK = 0o120000
_KIND_OF_FILE = 0o170000


def unpack(
    archive: Path,
    folder: str,
    files: Iterable[str],
    optional: Iterable[str],
    into: Path,
) -> None:
    """Copy only the named files out of an archive.

    Args:
        archive: A zip archive, such as a wheel; or a tar archive, packed or not.
        folder: Folder of the files in the archive; a file that is not there is taken
            from wherever it is, if there is only one of its name.
        files: Names of files that must be there.
        optional: Names of files to copy if they are there.
        into: Folder to copy them to.

    Raises:
        PassedOverError: The file is no such archive, or lacks one of *files*, or is
            damaged or encrypted, or holds one that is a link or suspiciously large.
        OSError: A file cannot be written.
    """
    try:
        copy_out = _unpacker(archive)
        copy_out(archive, folder, tuple(files), tuple(optional), into)
    except PassedOverError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        raise PassedOverError(f"sent a damaged archive ({error_line(error)})") from None


def check_member(member: "ZipInfo") -> str:
    """Return why a file of a zip archive must not be unpacked; empty if it may."""
    if member.flag_bits & _ENCRYPTED:
        return f"{member.filename} is encrypted"
    if (member.external_attr >> 16) & _KIND_OF_FILE == _LINK:
        return f"{member.filename} is a link"
    return _too_large(member.filename, member.file_size, member.compress_size)


def _unpacker(archive: Path) -> Callable[..., None]:
    from tarfile import is_tarfile
    from zipfile import is_zipfile

    if is_zipfile(archive):
        return _unpack_zip
    if is_tarfile(archive):
        return _unpack_tar
    raise PassedOverError("sent something that is not a zip or tar archive")


def _unpack_zip(
    archive: Path,
    folder: str,
    files: tuple[str, ...],
    optional: tuple[str, ...],
    into: Path,
) -> None:
    from zipfile import ZipFile

    with ZipFile(archive) as opened:
        held = _places(opened.namelist(), folder, (*files, *optional))
        _check_held(files, folder, held)
        for file, place in held.items():
            member = opened.getinfo(place)
            if flaw := check_member(member):
                raise PassedOverError(f"sent an archive in which {flaw}")
            with opened.open(member) as content:
                _copy(content, into / file)


def _unpack_tar(
    archive: Path,
    folder: str,
    files: tuple[str, ...],
    optional: tuple[str, ...],
    into: Path,
) -> None:
    import tarfile

    packed = archive.stat().st_size
    with tarfile.open(archive) as opened:
        members = {}
        for member in opened:
            members[member.name.removeprefix("./")] = member
            if len(members) > _MOST_MEMBERS:
                raise PassedOverError("sent an archive of too many files")
            # To find the next file, this one is unpacked.
            end = member.offset_data + member.size
            if flaw := _too_large(member.name, end, packed):
                raise PassedOverError(f"sent an archive in which {flaw}")
        held = _places(members, folder, (*files, *optional))
        _check_held(files, folder, held)
        for file, place in held.items():
            member = members[place]
            content = opened.extractfile(member) if member.isreg() else None
            if content is None:
                raise PassedOverError(
                    f"sent an archive in which {place} is a link or no file"
                )
            with content:
                _copy(content, into / file)


def _places(
    names: Iterable[str], folder: str, wanted: tuple[str, ...]
) -> Mapping[str, str]:
    """Return the name in the archive of each wanted file that it has."""
    known = list(names)
    places = {}
    for file in wanted:
        stated = f"{folder}/{file}".lstrip("/")
        alike = [name for name in known if PurePosixPath(name).name == file]
        if stated in known:
            places[file] = stated
        elif len(alike) == 1:
            places[file] = alike[0]
    return places


def _check_held(files: tuple[str, ...], folder: str, held: Mapping[str, str]) -> None:
    for file in files:
        if file not in held:
            stated = f"{folder}/{file}".lstrip("/")
            raise PassedOverError(f"sent an archive without {stated}")


def _too_large(name: str, n_bytes: int, n_packed: int) -> str:
    most = max(LEAST_BYTES, MOST_FOLD * n_packed)
    if n_bytes <= min(most, MOST_BYTES):
        return ""
    return (
        f"{name} would take {n_bytes / 2**20:,.0f} MiB, packed in "
        f"{n_packed / 2**20:,.1f}"
    )


def _copy(content: IO[bytes], path: Path) -> None:
    with path.open("wb") as copy:
        shutil.copyfileobj(content, copy)

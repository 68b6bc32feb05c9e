"""Opens packed files, and files in zip archives, within bounds."""

import io
import lzma
import zlib
from collections.abc import Sequence
from errno import EINVAL
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile, ZipInfo

from benchbox.data.sources.archives import MOST_FOLD, check_member
from benchbox.errors import DataError

LEAST_BYTES = 256 << 20
"""Files that take no more may be packed by any factor."""

DAMAGES = (lzma.LZMAError, zlib.error, BadZipFile, EOFError)
"""What libraries raise when a packed file is damaged, besides `OSError`."""

_N_NAMED = 5
_TABLES = (".csv", ".tsv", ".dat", ".data", ".inter", ".txt", ".json", ".jsonl", ".mtx")


def is_of_disk(error: BaseException) -> bool:
    """Return whether an error of unpacking is of the disk rather than of the file.

    A damaged archive may lead to a place before its beginning, which is `EINVAL`.
    """
    return getattr(error, "errno", None) not in (None, EINVAL)


class _Bounded(io.RawIOBase):
    """A stream that ends with an error once it has given more than *most* bytes."""

    def __init__(self, stream: Any, path: Path, most: int) -> None:
        self._stream, self._path, self._left = stream, path, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._stream.read(len(buffer))
        self._left -= len(content)
        if self._left < 0:
            raise DataError(
                f"{self._path.name} unpacks to more than {MOST_FOLD} times its size, "
                f"as no ratings do. Unpack it yourself if you trust it."
            )
        buffer[: len(content)] = content
        return len(content)

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(-1 if size is None else size)
        return content or b""

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def open_bounded(path: Path, codec: str, member: str = "") -> BinaryIO:
    """Open a packed file to read what is in it, up to a bound.

    Args:
        path: The file.
        codec: How it is packed: ``"zip"``, ``"xz"``, or a codec of Arrow.
        member: Name of the file in a zip archive.

    Raises:
        DataError: While reading: it unpacks to more than any ratings would.
    """
    import pyarrow as pa

    stream: Any
    if codec == "zip":
        stream = ZipFile(path).open(member)  # noqa: SIM115
    elif codec == "xz":
        stream = lzma.open(path)  # noqa: SIM115
    else:
        stream = pa.input_stream(path, compression=codec)
    most = max(LEAST_BYTES, MOST_FOLD * path.stat().st_size)
    return io.BufferedReader(_Bounded(stream, path, most), 1 << 20)


def read_member(path: Path, endings: Sequence[str], most_bytes: int) -> bytes:
    """Return the content of the only file in a zip archive with one of *endings*.

    Raises:
        DataError: There is none or several, or it is damaged, or larger than
            *most_bytes*.
    """
    try:
        with ZipFile(path) as archive:
            members = [m for m in archive.infolist() if _is_meant(m)]
            found = [m for m in members if m.filename.lower().endswith(tuple(endings))]
            if len(found) != 1:
                raise DataError(
                    f"{path.name} holds {len(found)} files in {' or '.join(endings)} "
                    f"instead of one. Get the file again."
                )
            flaw = check_member(found[0])
            if found[0].file_size > most_bytes:
                flaw = f"{found[0].filename} has {found[0].file_size:,} bytes"
            if flaw:
                raise DataError(f"{path.name} is not opened: in it {flaw}.")
            return archive.read(found[0])
    except (OSError, NotImplementedError, ValueError, *DAMAGES) as error:
        if is_of_disk(error):
            raise
        raise DataError(
            f"{path.name} is a damaged zip archive. Get the file again."
        ) from None


def chosen_member(path: Path, wanted: str = "") -> tuple[str, tuple[str, ...]]:
    """Return the file to read in a zip archive, and a note if it was a guess.

    Args:
        path: The archive.
        wanted: Its name, with or without its folder; by default the only table, or the
            only one whose name speaks of ratings.

    Raises:
        DataError: It is not there, or must be named, or cannot be unpacked safely.
    """
    try:
        with ZipFile(path) as archive:
            members = {m.filename: m for m in archive.infolist() if _is_meant(m)}
    except (BadZipFile, OSError, ValueError, NotImplementedError):
        raise DataError(
            f"{path.name} is a damaged zip archive. Get the file again."
        ) from None
    names = list(members)
    if wanted:
        found = [n for n in names if wanted in (n, PurePosixPath(n).name)]
    else:
        tables = [n for n in names if PurePosixPath(n).suffix.lower() in _TABLES]
        rated = [n for n in tables if "rating" in PurePosixPath(n).name.lower()]
        found = next((few for few in (names, tables, rated) if len(few) == 1), names)
    if len(found) != 1:
        held = ", ".join(names[:_N_NAMED]) or "no files"
        more = f" and {len(names) - _N_NAMED} more" if len(names) > _N_NAMED else ""
        what = f"no file {wanted!r}, but " if wanted and not found else ""
        raise DataError(
            f"{path.name} is a zip archive and holds {what}{held}{more}. Say which to "
            f"read, as in member={PurePosixPath((names or ['ratings.csv'])[0]).name}."
        )
    if flaw := check_member(members[found[0]]):
        raise DataError(f"{path.name} is not opened: in it {flaw}.")
    if wanted or len(names) == 1:
        return found[0], ()
    return found[0], (
        f"Read from {found[0]} in the archive; another one is named with member=.",
    )


def _is_meant(member: ZipInfo) -> bool:
    place = PurePosixPath(member.filename)
    hidden = place.name.startswith(".") or "__MACOSX" in place.parts
    return not member.is_dir() and not hidden

"""Opens files of text: packed or not, in any encoding."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchbox.data.tables.foreign import (
    HEAD_BYTES,
    refuse_foreign,
    refuse_packed_twice,
)
from benchbox.data.tables.unpacking import (
    DAMAGES,
    chosen_member,
    is_of_disk,
    open_bounded,
)
from benchbox.errors import DataError, UsageError

_MARKS = {
    b"PK\x03\x04": "zip",
    b"\xfd7zXZ\0": "xz",
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
_ENDINGS = {
    ".zip": "zip",
    ".xz": "xz",
    ".gz": "gzip",
    ".bz2": "bz2",
    ".zst": "zstd",
    ".lz4": "lz4",
    ".br": "brotli",
}
_BZ2_BLOCK = b"1AY&SY"

# The longer mark first: it begins with the shorter one.
_BYTE_ORDER = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file of text.

    Attributes:
        path: The file.
        encoding: Its encoding; a mark at the beginning is not part of the text.
        codec: How it is packed: by Arrow's name, such as ``"gzip"``, or as ``"xz"`` or
            ``"zip"``; `None` if it is not.
        member: Name of the file in a zip archive.
        notes: Sentences on how it is packed, where its name does not say so.
    """

    path: Path
    encoding: str = "utf-8"
    codec: str | None = None
    member: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_bare(self) -> bool:
        """Whether its bytes are UTF-8, not packed."""
        return self.codec is None and self.is_utf8

    @property
    def is_utf8(self) -> bool:
        """Whether it is encoded in UTF-8."""
        return codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig")

    def lines(self) -> Iterator[str]:
        """Yield its lines, with their ends.

        Raises:
            DataError: It is damaged, or is not text in this encoding.
        """
        encoding = "utf-8-sig" if self.is_utf8 else self.encoding
        with (
            self.unpacking(),
            self.open() as stream,
            io.TextIOWrapper(stream, encoding=encoding, newline="") as lines,
        ):
            try:
                # UTF-16 with its byte order stated keeps the mark as a character.
                yield next(lines, "").removeprefix("\ufeff")
                yield from lines
            except UnicodeError as error:
                raise DataError(
                    f"{self.path.name} is not {self.encoding} text{_byte_of(error)}. "
                    f"State the encoding, as in encoding=latin-1."
                ) from None

    def open(self) -> Any:
        """Open its bytes, unpacked, as an Arrow stream."""
        import pyarrow as pa

        if self.codec is None:
            return pa.input_stream(self.path, compression=None)
        return pa.PythonFile(open_bounded(self.path, self.codec, self.member), "r")

    @contextmanager
    def unpacking(self) -> Iterator[None]:
        """Turn errors of unpacking, inside this context, into errors about the file.

        Raises:
            DataError: The file is damaged.
        """
        try:
            yield
        except (OSError, *DAMAGES) as error:
            if self.codec is None or is_of_disk(error):
                raise
            what = (
                "is cut short"
                if isinstance(error, EOFError) or "Truncated" in str(error)
                else "is damaged, or something follows its end"
            )
            raise DataError(
                f"{self.path.name} {what}: it cannot be unpacked with {self.codec}. "
                f"Get the file again."
            ) from None


def open_text(path: Path, encoding: str = "utf-8", member: str = "") -> TextFile:
    """Look at the first bytes of a file and return it as text.

    Args:
        path: The file, which may be packed.
        encoding: Text encoding.
        member: Name of the file in a zip archive; by default the only table in it.

    Raises:
        UsageError: There is no such encoding.
        DataError: It is not text, or is damaged.
    """
    _check_encoding(encoding)
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    refuse_foreign(path, head)
    codec = _codec_of(path, head)
    notes: tuple[str, ...] = ()
    if codec == "zip":
        member, notes = chosen_member(path, member)
    elif member:
        raise UsageError(
            f"{path.name} is no zip archive, so it has no file {member!r} in it. Leave "
            f"out member=…"
        )
    if codec not in (None, _ENDINGS.get(path.suffix)):
        notes += (f"The file is packed with {codec}, though its name hides that.",)
    text = TextFile(path, encoding, codec, member, notes)
    if text.codec is not None:
        with text.unpacking(), text.open() as stream:
            head = stream.read(HEAD_BYTES)
        refuse_foreign(path, head)
        refuse_packed_twice(path, head)
    _check_marks(text, head)
    return text


def _check_encoding(encoding: str) -> None:
    try:
        # Some codecs turn bytes into bytes, and are found only on use.
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    except (LookupError, ValueError):
        raise UsageError(
            f"There is no text encoding {encoding!r}. Name one such as utf-8, utf-16, "
            f"latin-1 or cp1252."
        ) from None


def _codec_of(path: Path, head: bytes) -> str | None:
    for mark, codec in _MARKS.items():
        if head.startswith(mark) and (codec != "bz2" or head[4:10] == _BZ2_BLOCK):
            return codec
    named = _ENDINGS.get(path.suffix)
    # Brotli has no mark.
    if named is None or named == "brotli" or not head:
        return named if head else None
    raise DataError(
        f"{path.name} is not packed with {named}, though its name ends in "
        f"{path.suffix}. Get the file again, or rename it if it is plain text."
    )


def _check_marks(text: TextFile, head: bytes) -> None:
    """Refuse text in another encoding than stated, if its first bytes show that."""
    stated = codecs.lookup(text.encoding).name
    if stated.startswith(("utf-16", "utf-32")):
        return
    found = next((name for mark, name in _BYTE_ORDER if head.startswith(mark)), None)
    if found is None and head:
        # Two bytes for each character, most of which are in ASCII.
        zeros = [head[start::2].count(0) / len(head) for start in (0, 1)]
        if max(zeros) > 0.4 and min(zeros) < 0.1:
            found = "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    if found is not None:
        raise DataError(
            f"{text.path.name} is {found.upper()} text, not {stated}. State the "
            f"encoding: encoding={found}."
        )


def _byte_of(error: UnicodeError) -> str:
    if not isinstance(error, UnicodeDecodeError):
        return ""
    return f": byte {error.object[error.start]:#04x} is invalid"

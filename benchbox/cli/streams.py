"""Standard output and error that print on any terminal, and outlive it."""

import codecs
import errno
import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

_CLOSED = (errno.EPIPE, errno.ECONNRESET)
"""What a write to a pipe says when nobody reads it any more."""

_HUNG_UP = (errno.EIO, errno.ENXIO)
"""What a write to a terminal says once it is closed."""

# One sign for one, so that columns stay aligned.
_LOOKALIKES = str.maketrans(
    {
        **dict.fromkeys("–—−‐─", "-"),
        **dict.fromkeys("’‘", "'"),
        **dict.fromkeys("“”", '"'),
        **dict.fromkeys("·…•", "."),
        **dict.fromkeys("±◆", "+"),
        **{"→": ">", "←": "<", "×": "x", "≤": "<", "≥": ">", "≈": "~"},
        **{"▽": "v", "⚠": "!", "⊘": "/", "│": "|", "\u00a0": " "},
    }
)
_HANDLER = "benchbox.lookalike"


@contextmanager
def steady_streams() -> Iterator[None]:
    """Replace standard output and error by ones that any terminal can take.

    - A sign that the encoding lacks is replaced by a similar one, or by ``?``. (Where
      it is ASCII, click takes that for no encoding at all, and prints UTF-8.)
    - Once nobody reads an output any more, what is printed there is dropped, so that
      the work goes on. Standard error is never waited for in any other trouble either.
    - An output that cannot be written for another reason, such as a full disk, raises
      an `OSError` once, and then drops the rest.

    Streams that are no files, such as those of a notebook, stay as they are.
    """
    _open_missing()
    before = sys.stdout, sys.stderr
    codecs.register_error(_HANDLER, _similar)
    sys.stdout = _steady(sys.stdout, 1, is_needed=True)
    sys.stderr = _steady(sys.stderr, 2, is_needed=False)
    try:
        yield
    finally:
        for stream, earlier in zip((sys.stdout, sys.stderr), before, strict=True):
            if stream is not earlier:
                with suppress(OSError, ValueError):
                    stream.flush()
        sys.stdout, sys.stderr = before


class _Outlet(io.RawIOBase):
    """Writes to a file descriptor, which it leaves open, as long as somebody reads.

    Args:
        descriptor: File descriptor.
        is_needed: Whether errors count, unless they say that nobody reads any more.
    """

    def __init__(self, descriptor: int, is_needed: bool) -> None:
        self._descriptor, self._is_needed = descriptor, is_needed
        self._is_lost = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, content: Any, /) -> int:
        if not self._is_lost:
            try:
                return os.write(self._descriptor, content)
            except OSError as error:
                self._is_lost = True
                if self._is_needed and not self._is_closed(error):
                    raise OSError(
                        error.errno, error.strerror, "standard output"
                    ) from error
        return len(content)

    def _is_closed(self, error: OSError) -> bool:
        if error.errno in _CLOSED:
            return True
        # On a disk, the same number would be a fault.
        mode = os.fstat(self._descriptor).st_mode
        return error.errno in _HUNG_UP and stat.S_ISCHR(mode)


def _open_missing() -> None:
    """Open what the caller has closed, so that no other file takes its place."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free descriptor is taken, which is this one.
            os.open(os.devnull, os.O_RDWR)


def _steady(stream: TextIO | None, descriptor: int, *, is_needed: bool) -> TextIO:
    encoding, is_written_through = "utf-8", False
    if stream is not None:
        binary = getattr(stream, "buffer", None)
        if not isinstance(getattr(binary, "raw", binary), io.FileIO):
            return stream
        stream.flush()
        descriptor, encoding = stream.fileno(), stream.encoding
        is_written_through = getattr(stream, "write_through", False)
    outlet = _Outlet(descriptor, is_needed)
    return io.TextIOWrapper(
        io.BufferedWriter(outlet),
        encoding=encoding,
        errors=_HANDLER,
        line_buffering=not is_needed or outlet.isatty(),
        write_through=is_written_through,
    )


def _similar(error: UnicodeError) -> tuple[str, int]:
    """Return ASCII signs for those that an encoding lacks, and where to go on."""
    assert isinstance(error, UnicodeEncodeError)
    lacking = error.object[error.start : error.end].translate(_LOOKALIKES)
    return "".join(sign if sign.isascii() else "?" for sign in lacking), error.end

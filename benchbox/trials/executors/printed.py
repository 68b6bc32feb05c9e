"""Keeps the beginning and the end of what a child process prints."""

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from benchbox.records import MOST_LOG_BYTES

_READ_BYTES = 1 << 18

_HEAD_BYTES = MOST_LOG_BYTES * 3 // 4
_TAIL_BYTES = MOST_LOG_BYTES - _HEAD_BYTES

_LAST_READS = 16
"""After the end of a child: something it left behind might write for ever."""


class Printed:
    """Copies what a child prints from a pipe to its log; a context manager.

    The log grows by `MOST_LOG_BYTES` at most: three quarters from the beginning and a
    quarter from the end, where a traceback stands. Where a log cannot be written, what
    the child prints is lost, and nothing else.

    Attributes:
        source: The end to read, for `select`.
        is_open: Whether something may still be printed.
        sink: The end to hand over; it is closed by `handed_over`.

    Args:
        log: File to append to.
        complain: Takes a line on a log that cannot be written.
    """

    def __init__(
        self, log: Path, complain: Callable[[str], None] = lambda line: None
    ) -> None:
        self._log, self._complain = log, complain
        self.source, self.sink = os.pipe()
        os.set_blocking(self.source, False)
        self.is_open = self._sink_open = True
        self._file: int | None = None
        self._is_lost = False
        self._room = _HEAD_BYTES
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._n_cut = 0
        # The file is there from the start, also of a child that prints nothing.
        self._write(b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.handed_over()
        for _ in range(_LAST_READS):
            if not self.is_open or not self.read():
                break
        os.close(self.source)
        self._write_end()
        if self._file is not None:
            os.close(self._file)

    def handed_over(self) -> None:
        """Close our end of the sink, so that the source ends with the child's."""
        if self._sink_open:
            os.close(self.sink)
            self._sink_open = False

    def read(self) -> bool:
        """Read what is there without waiting; return whether there was anything."""
        try:
            data = os.read(self.source, _READ_BYTES)
        except BlockingIOError:
            return False
        self.is_open = bool(data)
        self._keep(data)
        return self.is_open

    def _keep(self, data: bytes) -> None:
        head, rest = data[: self._room], data[self._room :]
        self._room -= len(head)
        if head:
            self._write(head)
        if not rest:
            return
        self._tail.append(rest)
        self._tail_bytes += len(rest)
        while self._tail_bytes > _TAIL_BYTES:
            first = self._tail.popleft()
            excess = self._tail_bytes - _TAIL_BYTES
            kept = first[min(excess, len(first)) :]
            self._n_cut += len(first) - len(kept)
            self._tail_bytes -= len(first) - len(kept)
            if kept:
                self._tail.appendleft(kept)

    def _write_end(self) -> None:
        if self._n_cut:
            self._write(
                f"\n[benchbox: {self._n_cut:,} bytes are left out here; of what a "
                f"trial prints, {MOST_LOG_BYTES:,} are kept]\n".encode()
            )
        if self._tail:
            self._write(b"".join(self._tail))

    def _write(self, data: bytes) -> None:
        if self._is_lost:
            return
        try:
            if self._file is None:
                self._file = _opened(self._log)
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            self._is_lost = True
            self._complain(f"{self._log} cannot be written: {error.strerror}.")


def _opened(log: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    # A link or a pipe that somebody planted there is not followed, nor waited for.
    safe = os.O_NOFOLLOW | os.O_NONBLOCK
    with suppress(FileNotFoundError):
        return os.open(log, flags | safe, 0o644)
    log.parent.mkdir(parents=True, exist_ok=True)
    return os.open(log, flags | safe, 0o644)

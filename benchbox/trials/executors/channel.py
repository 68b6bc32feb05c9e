"""Channel: typed messages as lines of JSON, over a socket between processes."""

import socket
from array import array
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

from benchbox.errors import ModelError, error_line, message_of
from benchbox.records import MOST_MESSAGE_BYTES

Received = TypeVar("Received")

_READ_BYTES = 1 << 18


class LineError(ModelError):
    """The other end sent a malformed message."""


class Line(Generic[Received]):
    """One end of a line of messages.

    Attributes:
        socket: The socket beneath, for `select` and for handing over.

    Args:
        end: One end of a pair of sockets.
        receives: Type of the messages that arrive, a union of some in
            `benchbox.records.messages`.
        most_message_bytes: Bytes of one message.
        most_bytes: Bytes of all messages that arrive; `None` for no limit.
    """

    def __init__(
        self,
        end: socket.socket,
        receives: Any,
        *,
        most_message_bytes: int = MOST_MESSAGE_BYTES,
        most_bytes: int | None = None,
    ) -> None:
        self.socket = end
        self._most_message, self._left = most_message_bytes, most_bytes
        self._rest = bytearray()
        self._looked = 0
        self._decoder: msgspec.json.Decoder[Received] = msgspec.json.Decoder(receives)

    def send(self, message: msgspec.Struct, *, hand_over: Sequence[int] = ()) -> None:
        """Send *message*, and with it open file descriptors if some are given."""
        data = msgspec.json.encode(message) + b"\n"
        if not hand_over:
            self.socket.sendall(data)
            return
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", hand_over))
        sent = self.socket.sendmsg([data], [rights])
        self.socket.sendall(data[sent:])

    def receive(self) -> Received:
        """Wait for the next message.

        Raises:
            EOFError: The other end is gone.
            LineError: The other end sent something else.
        """
        while (message := self._next()) is None:
            self._fill()
        return message

    def receive_with_files(self, n: int) -> tuple[Received, list[int]]:
        """Wait for the next message, and up to *n* file descriptors it hands over.

        Raises:
            EOFError: The other end is gone.
            LineError: The other end sent something else.
        """
        handed: list[int] = []
        while (message := self._next()) is None:
            data, fds, _, _ = socket.recv_fds(self.socket, _READ_BYTES, n)
            handed += fds
            self._take(data)
        return message, handed

    def waiting(self) -> list[Received]:
        """Return what can be read without waiting; the socket must be readable.

        Raises:
            EOFError: The other end is gone, and everything it sent has been read.
            LineError: The other end sent something else.
        """
        self._fill()
        return list(iter(self._next, None))

    def _next(self) -> Received | None:
        """Return the next message that has arrived whole, if any."""
        end = self._rest.find(b"\n", self._looked)
        if end < 0:
            self._looked = len(self._rest)
            if self._looked > self._most_message:
                raise LineError(
                    f"sent a message of more than {self._most_message:,} bytes"
                )
            return None
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        self._looked = 0
        return self._decoded(line)

    def _decoded(self, line: bytes) -> Received:
        if len(line) > self._most_message:
            raise LineError(f"sent a message of more than {self._most_message:,} bytes")
        try:
            return self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise LineError(f"sent a malformed message: {message_of(error)}") from None
        except RecursionError as error:
            raise LineError(f"sent a malformed message: {error_line(error)}") from None

    def _fill(self) -> None:
        try:
            data = self.socket.recv(_READ_BYTES)
        except ConnectionResetError:
            data = b""
        self._take(data)

    def _take(self, data: bytes) -> None:
        if not data:
            raise EOFError
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise LineError("sent more than all its messages may take")
        self._rest += data

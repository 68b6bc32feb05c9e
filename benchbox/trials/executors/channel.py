"""Channel: typed messages as lines of JSON, over a socket between processes."""

import socket
from array import array
from typing import Any, Generic, TypeVar

import msgspec

Received = TypeVar("Received")


class Line(Generic[Received]):
    """One end of a line of messages.

    Attributes:
        socket: The socket beneath, for `select` and for handing over.

    Args:
        end: One end of a pair of sockets.
        receives: Type of the messages that arrive, a union of some in
            `benchbox.records.messages`.
    """

    def __init__(self, end: socket.socket, receives: Any) -> None:
        self.socket = end
        self._rest = b""
        self._decoder: msgspec.json.Decoder[Received] = msgspec.json.Decoder(receives)

    def send(self, message: msgspec.Struct, *, hand_over: int | None = None) -> None:
        """Send *message*, and with it an open file descriptor if one is given."""
        data = msgspec.json.encode(message) + b"\n"
        if hand_over is None:
            self.socket.sendall(data)
            return
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [hand_over]))
        sent = self.socket.sendmsg([data], [rights])
        self.socket.sendall(data[sent:])

    def receive(self) -> Received:
        """Wait for the next message.

        Raises:
            EOFError: The other end is gone.
        """
        while b"\n" not in self._rest:
            self._fill()
        line, _, self._rest = self._rest.partition(b"\n")
        return self._decoder.decode(line)

    def receive_with_file(self) -> tuple[Received, int | None]:
        """Wait for the next message, and the file descriptor it hands over, if any."""
        handed: list[int] = []
        while b"\n" not in self._rest:
            data, fds, _, _ = socket.recv_fds(self.socket, 1 << 16, 1)
            if not data:
                raise EOFError
            self._rest += data
            handed += fds
        return self.receive(), handed[0] if handed else None

    def waiting(self) -> list[Received]:
        """Return what can be read without waiting; the socket must be readable.

        Raises:
            EOFError: The other end is gone, and everything it sent has been read.
        """
        self._fill()
        messages = []
        while b"\n" in self._rest:
            messages.append(self.receive())
        return messages

    def _fill(self) -> None:
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            raise EOFError
        self._rest += data

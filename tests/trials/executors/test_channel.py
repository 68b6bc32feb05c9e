"""Channel: messages whole or none, and bounds on what the other end can send."""

import os
import socket
from collections.abc import Iterator

import pytest

from benchbox.records.messages import EpochEnded, Fitted, PhaseBegan, TrialMessage
from benchbox.trials.executors.channel import Line, LineError

Ends = tuple[socket.socket, Line[TrialMessage]]


@pytest.fixture
def ends() -> Iterator[Ends]:
    theirs, ours = socket.socketpair()
    with theirs, ours:
        yield (
            theirs,
            Line(ours, TrialMessage, most_message_bytes=100, most_bytes=1000),
        )


def test_messages_arrive_in_order_however_they_are_cut(ends: Ends) -> None:
    theirs, line = ends
    sender = Line[Fitted](theirs, Fitted)
    sender.send(PhaseBegan(phase="fit"))
    theirs.sendall(b'{"kind":"epo')

    assert line.waiting() == [PhaseBegan(phase="fit")]

    theirs.sendall(b'ch","epoch":1,"of":2}\n')
    sender.send(Fitted())

    assert [line.receive(), line.receive()] == [EpochEnded(epoch=1, of=2), Fitted()]


def test_descriptors_come_with_their_message(ends: Ends) -> None:
    theirs, line = ends
    source, sink = os.pipe()

    Line[Fitted](theirs, Fitted).send(Fitted(), hand_over=(sink,))
    message, handed = line.receive_with_files(2)

    assert message == Fitted()
    (copy,) = handed
    os.write(copy, b"x")
    assert os.read(source, 1) == b"x"
    for descriptor in (source, sink, copy):
        os.close(descriptor)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"nonsense\n", "malformed message: JSON is malformed"),
        (b'{"kind":"fitte\xff"}\n', "malformed message"),
        (b'{"kind":"other"}\n', "malformed message: Invalid value 'other'"),
        (b" " * 101 + b"\n", "more than 100 bytes"),
        (b" " * 101, "more than 100 bytes"),
        (b'{"kind":"fitted"}\n' * 60, "more than all its messages may take"),
    ],
)
def test_a_malformed_message_is_refused(ends: Ends, sent: bytes, said: str) -> None:
    theirs, line = ends
    theirs.sendall(sent)

    with pytest.raises(LineError, match=said):
        line.waiting()


def test_an_end_that_is_gone_is_no_message(ends: Ends) -> None:
    theirs, line = ends
    theirs.close()

    with pytest.raises(EOFError):
        line.receive()

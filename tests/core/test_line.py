"""The line between two processes: whole messages in order, however they are cut, and no way to hang its reader."""

import logging
import socket
import threading

import msgspec
import pytest

from enpire.core import line
from enpire.core.line import Line
from enpire.core.records import encode
from enpire.rollout.messages import Broken, Filmed, Finished, Ready
from tests.ledger.make import episode

Report = Ready | Finished | Filmed | Broken


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Line(ours), theirs


def test_messages_come_whole_and_in_order_however_they_are_cut(ends):
    reader, other = ends
    sent = [Broken("a"), Finished(episode(1)), Broken("x" * 100_000), Finished(episode(2))]
    data = b"".join(msgspec.json.encode(message) + b"\n" for message in sent)

    def send():
        for start in range(0, len(data), 701):
            other.sendall(data[start : start + 701])
        other.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    assert [reader.receive(Report) for _ in sent] == sent
    assert reader.receive(Report) is None
    sender.join()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\n",
        b"{}\n",
        b"\xff\n",
        b"[" * 50_000 + b"\n",
        b'{"type":"Broken"}\n',
        b'{"type":"Broken","reason":null}\n',
        b'{"type":"Nobody"}\n',
        b'{"type":"Broken","reason":"\\ud800"}\n',
        b'{"type":"Broken","reason":"a"}trailing\n',
        encode(episode(1)) + b"\n",
    ],
)
def test_whoever_sends_garbage_is_gone(ends, garbage, caplog):
    reader, other = ends
    other.sendall(
        msgspec.json.encode(Broken("before")) + b"\n" + garbage + msgspec.json.encode(Broken("after")) + b"\n"
    )
    with caplog.at_level(logging.WARNING):
        assert reader.receive(Report) == Broken("before")
        assert reader.receive(Report) is None
        assert reader.receive(Report) is None
    assert "sent no message" in caplog.text
    other.settimeout(10)
    assert other.recv(1) == b""  # the other end sees it too
    with pytest.raises(OSError):
        other.sendall(b"x")


def test_a_message_without_an_end_is_given_up(ends, monkeypatch):
    reader, other = ends
    monkeypatch.setattr(line, "MAX_BYTES", 200_000)

    def flood():
        try:
            while True:
                other.sendall(b"x" * 65536)
        except OSError:
            pass

    sender = threading.Thread(target=flood)
    sender.start()
    assert reader.receive(Report) is None
    assert len(reader._buffer) == 0
    sender.join()

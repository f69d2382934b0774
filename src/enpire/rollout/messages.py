"""What supervisor and station say to each other: JSON lines on one socket pair, both ends trusted."""

import socket
from typing import TypeVar

import msgspec

from enpire.core.records import Episode, TaskSpec, Ticket


class Run(msgspec.Struct, frozen=True, tag=True):
    """Run one episode."""

    ticket: Ticket


class Film(msgspec.Struct, frozen=True, tag=True):
    """Make the video of a recorded episode."""

    episode: Episode


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The station can take tickets."""

    spec: TaskSpec
    confinement: str


class Finished(msgspec.Struct, frozen=True, tag=True):
    """An episode is on disk."""

    episode: Episode


class Filmed(msgspec.Struct, frozen=True, tag=True):
    """A video is on disk, or `reason` says why there is none."""

    ticket: int
    file: str = ""
    sha256: str = ""
    reason: str = ""


class Broken(msgspec.Struct, frozen=True, tag=True):
    """The station cannot go on."""

    reason: str


Order = Run | Film
Report = Ready | Finished | Filmed | Broken

T = TypeVar("T")


class Line:
    """One end of the conversation."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()

    def fileno(self) -> int:
        """Descriptor, for `select`."""
        return self._connection.fileno()

    @property
    def pending(self) -> bool:
        """Whether a whole message is already here."""
        return b"\n" in self._buffer

    def send(self, message: Order | Report) -> None:
        """Send one message.

        Raises:
            OSError: The other end is gone.
        """
        self._connection.sendall(msgspec.json.encode(message) + b"\n")

    def receive(self, kind: type[T]) -> T | None:
        """Next message, waiting for it; None when the other end is gone."""
        while not self.pending:
            try:
                chunk = self._connection.recv(65536)
            except ConnectionError:
                return None
            if not chunk:
                return None
            self._buffer += chunk
        end = self._buffer.index(b"\n")
        text = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return msgspec.json.decode(text, type=kind)

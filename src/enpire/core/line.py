"""A conversation between two of our own processes: JSON lines on one socket pair."""

import socket
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Line:
    """One end of the conversation. Messages are tagged `msgspec` structs."""

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

    def send(self, message: msgspec.Struct) -> None:
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

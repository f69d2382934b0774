"""A conversation between two of our own processes: JSON lines on one socket pair."""

import logging
import socket
from typing import TypeVar

import msgspec

T = TypeVar("T")
MAX_BYTES = 64 * 1024 * 1024
"""Longest message; more without a line end is not a conversation."""


class Line:
    """One end of the conversation. Messages are tagged `msgspec` structs."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()
        self._searched = 0

    def fileno(self) -> int:
        """Descriptor, for `select`."""
        return self._connection.fileno()

    @property
    def pending(self) -> bool:
        """Whether a whole message is already here."""
        return self._end() >= 0

    def send(self, message: msgspec.Struct) -> None:
        """Send one message.

        Raises:
            OSError: The other end is gone.
        """
        self._connection.sendall(msgspec.json.encode(message) + b"\n")

    def receive(self, kind: type[T]) -> T | None:
        """Next message, waiting for it; None when the other end is gone.

        Whoever sends anything but messages of this kind is taken for gone: the line is closed in both directions.
        """
        while (end := self._end()) < 0:
            if len(self._buffer) > MAX_BYTES:
                self._hang_up(f"more than {MAX_BYTES} bytes without an end")
                return None
            try:
                chunk = self._connection.recv(65536)
            except ConnectionError:
                return None
            if not chunk:
                return None
            self._buffer += chunk
        text = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        try:
            return msgspec.json.decode(text, type=kind)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            self._hang_up(str(error))
            return None

    def _end(self) -> int:
        """Where the first message ends, or -1."""
        end = self._buffer.find(b"\n", self._searched)
        self._searched = end if end >= 0 else len(self._buffer)
        return end

    def _hang_up(self, problem: str) -> None:
        logging.getLogger(__name__).warning("hung up on a process that sent no message: %s", problem[:200])
        self._buffer.clear()
        self._searched = 0
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other end was quicker

"""Counts tokens while an answer streams by."""

from typing import Any, Protocol

import msgspec

from enpire.core.records import Json
from enpire.core.usage import Usage

BUFFER_BYTES = 64 << 20
"""A line or an answer longer than this is not counted."""


class Counted(Protocol):
    """What the meter needs of a dialect."""

    def count(self, event: Json, usage: Usage) -> Usage:
        """Usage after an event."""
        ...

    def ends(self, event: Json) -> bool:
        """Whether it is the last one."""
        ...


class Meter:
    """Usage of one answer: server-sent events or one JSON object, cut anywhere. Never raises.

    Attributes:
        usage: What was counted so far.
        ended: Whether the last event that an agent waits for went by.
    """

    def __init__(self, dialect: Counted) -> None:
        self._dialect = dialect
        self._rest = bytearray()
        self._data = b""
        self._whole: bool | None = None
        self.usage = Usage()
        self.ended = False

    def feed(self, data: bytes) -> Usage:
        """Take the next bytes, in pieces of any size."""
        self._rest += data
        if self._whole is None and (head := self._rest.lstrip()[:1]):
            self._whole = bytes(head) in (b"{", b"[")
        if self._whole is False and b"\n" in data:
            *lines, rest = self._rest.split(b"\n")
            self._rest = bytearray(rest)
            for line in lines:
                self._line(bytes(line).rstrip(b"\r"))
        if len(self._rest) > BUFFER_BYTES:
            self._rest.clear()
        return self.usage

    def finish(self) -> Usage:
        """The answer is over, complete or not."""
        rest = bytes(self._rest)
        self._rest.clear()
        if self._whole:
            self._event(rest)
        else:
            self._line(rest.rstrip(b"\r"))
        return self.usage

    def _line(self, line: bytes) -> None:
        if not line:
            self._data = b""
        elif line.startswith(b"data:"):
            text = line[5:].strip()
            self._data = self._data + b"\n" + text if self._data else text
            if text == b"[DONE]":
                self.ended = True
            elif self._event(self._data):
                self._data = b""

    def _event(self, text: bytes) -> bool:
        """Count one event; whether it was whole JSON."""
        try:
            event = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return False
        if isinstance(event, dict):
            self.usage = self._dialect.count(event, self.usage)
            self.ended = self.ended or self._dialect.ends(event)
        return True


def part(event: Json, key: str) -> Json:
    """An object inside another; empty if it is missing or something else."""
    value = event.get(key)
    return value if isinstance(value, dict) else {}


def tokens(counts: Json, key: str) -> int:
    """A number of tokens; 0 if it is missing or makes no sense."""
    value: Any = counts.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else 0


def openai_refusal(status: int, text: str) -> Json:
    """Error body of the two OpenAI dialects."""
    kinds = {401: "authentication_error", 429: "rate_limit_error", 502: "server_error"}
    return {"error": {"message": text, "type": kinds.get(status, "invalid_request_error"), "param": None, "code": None}}

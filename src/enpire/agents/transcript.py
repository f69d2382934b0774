"""What an agent prints, followed while it is printed: whole lines, turned into events by its adapter."""

import os
import re
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from enpire.agents.adapter import AgentEvent, Began, Failed, Retried, Said, Used

EVENTS_KEPT = 200
LINE_CAP_BYTES = 1 << 20
"""A longer line is skipped up to its end."""
TEXT_CAP = 4000
"""Characters of an event's text that are kept."""

_CHUNK_BYTES = 1 << 16
_READ_BYTES = 1 << 20
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")

Parse = Callable[[str], list[AgentEvent]]


class Transcript:
    """Follows the file that a keeper fills with the agent's output.

    Args:
        descriptor: The file, open for reading; its position is left alone.
        parse: The adapter's.
        rewind_at: Offset at which the keeper begins again when the file is full.

    Attributes:
        events: The latest events, oldest first.
        native_id: The agent's own name of its session; empty until it says one that is safe as an argument.
        failed: The last word of an agent that gave up.
        retries: Model calls that it made again.
    """

    def __init__(self, descriptor: int, parse: Parse, *, rewind_at: int) -> None:
        self.events: deque[AgentEvent] = deque(maxlen=EVENTS_KEPT)
        self.native_id = ""
        self.failed: Failed | None = None
        self.retries = 0
        self._descriptor, self._parse, self._rewind_at = descriptor, parse, rewind_at
        self._offset = 0
        self._line = bytearray()
        self._skipping = False

    def read(self) -> None:
        """Read what is new, about a megabyte at most. More than half a file between two reads is partly missed."""
        if os.fstat(self._descriptor).st_size < self._offset:  # the keeper has begun again
            self._offset = self._rewind_at
            self._line.clear()
            self._skipping = False
        end = self._offset + _READ_BYTES
        while self._offset < end and (chunk := os.pread(self._descriptor, _CHUNK_BYTES, self._offset)):
            self._offset += len(chunk)
            self._take(chunk)

    def finish(self) -> None:
        """Read all that is left; a last line needs no newline."""
        while os.fstat(self._descriptor).st_size != self._offset:
            before = self._offset
            self.read()
            if self._offset == before:
                break
        self._take(b"\n")

    def _take(self, chunk: bytes) -> None:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            self._extend(end)
            if not self._skipping and self._line:
                self._heed(self._line.decode(errors="replace"))
            self._line.clear()
            self._skipping = False
        self._extend(rest)

    def _extend(self, piece: bytes) -> None:
        if len(self._line) + len(piece) > LINE_CAP_BYTES:
            self._skipping = True
            self._line.clear()
        if not self._skipping:
            self._line += piece

    def _heed(self, line: str) -> None:
        for event in self._parse(line):
            if isinstance(event, Said | Used | Failed):
                event = replace(event, text=event.text[:TEXT_CAP])
            self.events.append(event)
            if isinstance(event, Began) and _ID.fullmatch(event.id):
                self.native_id = event.id
            elif isinstance(event, Failed):
                self.failed = event
            elif isinstance(event, Retried):
                self.retries += 1

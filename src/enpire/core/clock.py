"""Time is injected: whatever waits or schedules asks a clock, so a campaign can also run on virtual time."""

import queue
import time
from typing import Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """A monotonic clock and the one way to wait for messages."""

    def now(self) -> float:
        """Monotonic time in seconds; the origin is arbitrary."""
        ...

    def receive(self, inbox: "queue.SimpleQueue[T]", timeout_s: float) -> T | None:
        """Next message, or None after `timeout_s` seconds of this clock."""
        ...


class SystemClock:
    """Wall time of this machine, monotonic."""

    def now(self) -> float:
        """Seconds of `time.monotonic`."""
        return time.monotonic()

    def receive(self, inbox: "queue.SimpleQueue[T]", timeout_s: float) -> T | None:
        """Block on the queue for up to `timeout_s` real seconds."""
        try:
            return inbox.get(timeout=max(timeout_s, 0.0))
        except queue.Empty:
            return None


class VirtualClock:
    """Time that passes only when somebody waits. For tests and the fleet twin."""

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s

    def now(self) -> float:
        """Virtual seconds."""
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._now_s += seconds

    def receive(self, inbox: "queue.SimpleQueue[T]", timeout_s: float) -> T | None:
        """Next queued message; if there is none, the whole timeout passes at once."""
        try:
            return inbox.get_nowait()
        except queue.Empty:
            self.advance(timeout_s)
            return None

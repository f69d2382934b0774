"""What the simulation's thread and the page's server tell each other."""

import queue
import threading
from typing import Any, Literal

import msgspec

Kind = Literal["pause", "play", "step", "reset", "speed", "pictures"]


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person pressed.

    Attributes:
        kind: `pause`, `play`, `step` (one control period), `reset`, `speed`, or `pictures`.
        value: Of `reset`: the seed. Of `speed`: times real time, 0 is as fast as possible. Of `pictures`: 0 or 1.
    """

    kind: Kind
    value: float = 0.0


class Board:
    """Newest news for the page, and orders from it. Safe to use from both threads.

    Attributes:
        orders: Of the person, oldest first.
        closed: Set when the view ends.
    """

    def __init__(self) -> None:
        self.orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self.closed = threading.Event()
        self._lock = threading.Lock()
        self._number, self._frame = 0, b""
        self._shapes: dict[str, Any] = {}
        self._pictures: dict[str, bytes] = {}
        self._watchers = 0

    def post(self, frame: bytes) -> None:
        """Give the newest frame, a JSON object."""
        with self._lock:
            self._number, self._frame = self._number + 1, frame

    def newest(self) -> tuple[int, bytes]:
        """Number of the newest frame, and the frame; number 0: there is none yet."""
        with self._lock:
            return self._number, self._frame

    def post_shapes(self, shapes: dict[str, Any]) -> None:
        """Give what the world consists of."""
        with self._lock:
            self._shapes = shapes

    def shapes(self) -> dict[str, Any]:
        """What the world consists of; empty if there is no world yet."""
        with self._lock:
            return self._shapes

    def post_picture(self, camera: str, png: bytes) -> None:
        """Give a camera's newest picture."""
        with self._lock:
            self._pictures[camera] = png

    def picture(self, camera: str) -> bytes | None:
        """A camera's newest picture as PNG; None if there is none."""
        with self._lock:
            return self._pictures.get(camera)

    def come(self) -> None:
        """Somebody opened the page."""
        with self._lock:
            self._watchers += 1

    def go(self) -> None:
        """Somebody closed the page."""
        with self._lock:
            self._watchers -= 1

    @property
    def watched(self) -> bool:
        """Whether a page is open."""
        with self._lock:
            return self._watchers > 0

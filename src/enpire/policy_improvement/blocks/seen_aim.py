"""Look through the wrist camera at the pin's head and the box, and move by what the pin is seen to be off.

Both are in one picture, so most of what is wrong with the arm's joints and the camera's pose cancels.
"""

from collections.abc import Callable, Iterator

import numpy as np
from hand import Array, Hand, Pose

VIEW = "right_wrist"


class Aim:
    """The tools `pin` and `holes`; looks again after each move."""

    def __init__(self, hand: Hand, parameters: dict[str, float]) -> None:
        self.hand = hand
        self.settle_s, self.close_m = parameters["settle"], parameters["close"]
        self.share, self.looks = parameters["share"], round(parameters["looks"])

    def over(self, x_m: float, y_m: float, z_m: float, go: Callable[[Pose], Iterator[Array]]) -> Iterator[Array]:
        """Bring the pin above a hole that should be at x, y; `go` brings the tool to a pose."""
        yield from go(self.hand.upright(x_m, y_m, z_m))
        for number in range(self.looks):
            yield from self.hand.hold(self.settle_s)
            off = self.seen_off(np.array([x_m, y_m]))
            if np.linalg.norm(off) < self.close_m:
                return
            share = self.share if number else 1.0  # the first move is a long one, and does not overshoot
            yield from go(self.hand.upright(*(np.array(self.hand.pose()[:2]) + share * off), z_m))

    def seen_off(self, expected_m: Array) -> Array:
        """From the pin to its hole, (2,), m; nothing if either is not seen."""
        head = self.hand.ask("pin.find", view=VIEW)
        box = self.hand.ask("holes.find", view=VIEW)
        if head is None or box is None:
            return np.zeros(2)
        said = np.array(self.hand.scene["holes_m"])
        number = np.linalg.norm(said - expected_m, axis=1).argmin()
        return np.asarray(np.array(box["centers_m"])[number, :2] - np.array(head["head_m"])[:2])

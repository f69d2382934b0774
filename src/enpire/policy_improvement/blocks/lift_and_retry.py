"""Lift a pin that did not go in straight up, and begin anew."""

from collections.abc import Callable, Iterator

import numpy as np
from hand import Array, Hand


class Retry:
    """Every attempt aims again, so one that began with a bad look, or slid on the box, does not decide."""

    def __init__(self, hand: Hand, parameters: dict[str, float]) -> None:
        self.hand = hand
        self.attempts = round(parameters["attempts"])
        self.lift_m, self.speed = parameters["lift"], parameters["speed"]

    def until(self, seated: Callable[[], bool], attempt: Callable[[], Iterator[Array]]) -> Iterator[Array]:
        """Attempts until the pin is seated, or enough of them."""
        for number in range(self.attempts):
            if number:
                yield from self._lift()
            yield from attempt()
            if seated():
                return

    def _lift(self) -> Iterator[Array]:
        """Off the box, at a set speed."""
        hand = self.hand
        hand.relax()
        pose = np.array(hand.call("forward_kinematics.tool", arm="right", q=hand.command))
        count = max(1, round(self.lift_m / self.speed / hand.period_s))
        for _ in range(count):
            pose[2] += self.lift_m / count
            found = hand.call("mink_ik.solve", arm="right", T_world_tool=pose, q_start=hand.command)
            yield hand.act(np.array(found["q"]))

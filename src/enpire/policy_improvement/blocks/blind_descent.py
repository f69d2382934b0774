"""Straight down by so much, whatever is there."""

from collections.abc import Iterator

import numpy as np
from hand import Array, Hand


class Descent:
    """Inverse kinematics of a target that sinks at a set speed."""

    def __init__(self, hand: Hand, parameters: dict[str, float]) -> None:
        self.hand, self.speed = hand, parameters["speed"]

    def down(self, depth_m: float) -> Iterator[Array]:
        """Go down by a depth."""
        hand = self.hand
        pose = np.array(hand.call("forward_kinematics.tool", arm="right", q=hand.command))
        count = max(1, round(depth_m / self.speed / hand.period_s))
        for _ in range(count):
            pose[2] -= depth_m / count
            found = hand.call("mink_ik.solve", arm="right", T_world_tool=pose, q_start=hand.command)
            yield hand.act(np.array(found["q"]))
        yield from hand.hold(0.3)

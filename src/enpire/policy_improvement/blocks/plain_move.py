"""Inverse kinematics along the straight line to a pose, and trust that the arm follows."""

from collections.abc import Iterator

import numpy as np
from hand import Array, Hand, Pose


class Move:
    """The command arrives at a set speed; where the arm then is, nobody asks."""

    def __init__(self, hand: Hand, parameters: dict[str, float]) -> None:
        self.hand, self.speed = hand, parameters["speed"]

    def go(self, pose: Pose) -> Iterator[Array]:
        """Bring the tool to a pose."""
        hand = self.hand
        start, goal = np.array(hand.pose()), np.array(pose)
        goal[3:] *= np.sign(goal[3:] @ start[3:]) or 1.0
        way = float(np.linalg.norm(goal[:3] - start[:3]))
        count = max(5, round(way / self.speed / hand.period_s))
        for share in np.arange(1, count + 1) / count:
            between = start + share * (goal - start)
            between[3:] /= np.linalg.norm(between[3:])
            found = hand.call("mink_ik.solve", arm="right", T_world_tool=between, q_start=hand.command)
            yield hand.act(np.array(found["q"]))

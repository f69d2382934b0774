"""Take the arm's own error, as its joints show it, into the command, until the tool is where it should be."""

from collections.abc import Iterator

import numpy as np
from hand import Array, Hand, Pose


class Move:
    """Integral of the tool's error, by the tool `compensation`; waits until it has settled, or loses patience."""

    def __init__(self, hand: Hand, parameters: dict[str, float]) -> None:
        self.hand = hand
        self.patience_s = parameters["patience"]
        self.gains = {
            "speed_m_s": parameters["speed"],
            "integral_per_s": parameters["integral"],
            "tolerance_m": parameters["tolerance"],
        }

    def go(self, pose: Pose) -> Iterator[Array]:
        """Bring the tool to a pose."""
        hand = self.hand
        state = hand.call("compensation.start", arm="right", q_command=hand.command, q_measured=hand.joints)
        way = float(np.linalg.norm(np.array(pose[:3]) - np.array(hand.pose()[:3])))
        for _ in range(round((way / self.gains["speed_m_s"] + self.patience_s) / hand.period_s)):
            state, q = hand.call(
                "compensation.step",
                state=state,
                arm="right",
                q_measured=hand.joints,
                T_world_target=pose,
                period_s=hand.period_s,
                gains=self.gains,
            )
            yield hand.act(np.array(q))
            if state["arrived"]:
                return

"""Down until something is felt."""

from collections.abc import Iterator

import numpy as np
from hand import Array, Hand


class Descent:
    """The tool `descent`: estimates the force on the tip from the motors' efforts and stops at a limit."""

    def __init__(self, hand: Hand, parameters: dict[str, float]) -> None:
        self.hand, self.extra_m = hand, parameters["extra"]
        self.speed, self.force = parameters["speed"], parameters["force"]

    def down(self, depth_m: float) -> Iterator[Array]:
        """Go down until contact, or a little further than a depth: readings of the height are millimetres off."""
        hand = self.hand
        depth_m += self.extra_m
        given = {"arm": "right", "q_measured": hand.joints, "effort": hand.effort}
        state = hand.call("descent.start", q_command=hand.command, **given)
        for _ in range(round((depth_m / self.speed + 3.0) / hand.period_s)):
            state, q = hand.call(
                "descent.step",
                state=state,
                arm="right",
                q_measured=hand.joints,
                effort=hand.effort,
                period_s=hand.period_s,
                depth_m=depth_m,
                speed_m_s=self.speed,
                force_n=self.force,
            )
            if state["outcome"] != "descending":
                return
            yield hand.act(np.array(q))

"""Press lightly and slide outwards on a spiral until the tip drops in."""

from collections.abc import Iterator

import numpy as np
from hand import Array, Hand


class Search:
    """The tool `spiral`; the bias of the efforts is that of the last moment, minus the force pressed with."""

    def __init__(self, hand: Hand, parameters: dict[str, float]) -> None:
        self.hand = hand
        self.way = {
            "press_n": parameters["press"],
            "pitch_m": parameters["pitch"],
            "radius_m": parameters["radius"],
            "speed_m_s": parameters["speed"],
        }
        self.lift_m = parameters["lift"]

    def find(self) -> Iterator[Array]:
        """Move so that the pin finds its hole."""
        hand = self.hand
        yield from self._lift()
        bias = hand.call("contact.free_air", arm="right", q=hand.joints, effort=hand.effort)
        given = {"arm": "right", "q_measured": hand.joints}
        state = hand.call("spiral.start", q_command=hand.command, bias=bias, **given)
        for _ in range(round(6.0 / hand.period_s)):
            state, q = hand.call(
                "spiral.step",
                state=state,
                arm="right",
                q_measured=hand.joints,
                effort=hand.effort,
                period_s=hand.period_s,
                **self.way,
            )
            if state["outcome"] != "searching":
                return
            yield hand.act(np.array(q))

    def _lift(self) -> Iterator[Array]:
        """Into free air, to learn what the motors give there."""
        hand = self.hand
        pose = np.array(hand.call("forward_kinematics.tool", arm="right", q=hand.command))
        pose[2] += self.lift_m
        found = hand.call("mink_ik.solve", arm="right", T_world_tool=pose, q_start=hand.command)
        start, goal = hand.command, np.array(found["q"])
        for share in np.linspace(0.1, 1.0, 10):
            yield hand.act(start + share * (goal - start))
        yield from hand.hold(0.3)

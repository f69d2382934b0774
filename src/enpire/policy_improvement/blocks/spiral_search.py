"""Press lightly and slide outwards on a spiral until the tip drops in."""

from collections.abc import Iterator

import numpy as np
from hand import Array, Hand


class Search:
    """Lifts the tip to learn what the efforts are in free air, puts it down lightly, and calls the tool `spiral`."""

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
        state = hand.call("descent.start", q_command=hand.command, **self._readings())
        given = {"depth_m": 2 * self.lift_m + 0.002, "speed_m_s": 0.01, "force_n": self.way["press_n"]}
        for _ in range(round(2.0 / hand.period_s)):
            state, q = hand.call("descent.step", state=state, period_s=hand.period_s, **given, **self._readings())
            if state["outcome"] != "descending":
                break
            yield hand.act(np.array(q))
        yield from self._spiral(state["bias"])

    def _spiral(self, bias: object) -> Iterator[Array]:
        hand = self.hand
        state = hand.call("spiral.start", arm="right", q_command=hand.command, q_measured=hand.joints, bias=bias)
        for _ in range(round(6.0 / hand.period_s)):
            state, q = hand.call("spiral.step", state=state, period_s=hand.period_s, **self.way, **self._readings())
            if state["outcome"] != "searching":
                return
            yield hand.act(np.array(q))

    def _readings(self) -> dict[str, object]:
        return {"arm": "right", "q_measured": self.hand.joints, "effort": self.hand.effort}

    def _lift(self) -> Iterator[Array]:
        """Into free air; pressing ends first."""
        hand = self.hand
        hand.relax()
        pose = np.array(hand.call("forward_kinematics.tool", arm="right", q=hand.command))
        pose[2] += self.lift_m
        found = hand.call("mink_ik.solve", arm="right", T_world_tool=pose, q_start=hand.command)
        start, goal = hand.command, np.array(found["q"])
        for share in np.linspace(0.1, 1.0, 10):
            yield hand.act(start + share * (goal - start))
        yield from hand.hold(0.3)

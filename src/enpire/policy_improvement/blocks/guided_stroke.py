"""Push until the readings say that the tool has come far enough, and keep it on the line."""

from collections.abc import Generator

import numpy as np
from arm import Arm
from geometry import Array, Scene

ACCELERATION_MM_S2 = 300.0
SIDE_GAIN = 2.0
"""Per second, from how far the tool is beside the line to the commanded point."""
AHEAD_MM = 25.0
MOST_LAG_MM = 15.0
SETTLE_S = 0.2


class Stroke:
    """The commanded point runs ahead, slows to `creep`, and stops `coast` before the tool is at the end.

    How far the tool coasts after the stop is learned from each push.
    """

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        del scene  # Unused.
        self.speed, self.creep, self.coast = parameters["speed"], parameters["creep"], parameters["coast"]

    def push(self, arm: Arm, start: Array, end: Array) -> Generator[Array, None, Array]:
        """Push from `start` to `end` (2,), mm; returns where the tool went by the readings, (2, 2)."""
        length = float(np.linalg.norm(end - start))
        along = (end - start) / max(length, 1e-9)
        across = np.array([-along[1], along[0]])
        command, height = arm.tool(arm.command)[:2] - start, arm.tool(arm.command)[2]
        bias = arm.tool(arm.command)[:2] - arm.tool()[:2]  # what the readings show that the arm does not follow
        ahead, aside, speed = float(command @ along), float(bias @ across), 0.0
        path, marks = np.array([arm.command]), np.array([ahead])
        done, went = 0.0, start
        while ahead < length + MOST_LAG_MM:
            behind = arm.tool()[:2] - start
            done = float(behind @ along)
            if done > length - self.coast:
                break
            braking = np.sqrt(2.0 * ACCELERATION_MM_S2 * max(length - ahead, 0.0))
            speed = min(speed + ACCELERATION_MM_S2 * arm.period_s, self.speed, max(braking, self.creep))
            ahead += speed * arm.period_s
            aside -= SIDE_GAIN * float(behind @ across) * arm.period_s
            if ahead > marks[-1]:
                reached = min(ahead + AHEAD_MM, length + MOST_LAG_MM + 1.0)
                path_ = arm.straight(arm.command, np.array([*(start + reached * along + aside * across), height]))
                if path_ is None:
                    break
                path, marks = path_, np.linspace(ahead - speed * arm.period_s, reached, len(path_))
            yield arm.act(np.array([np.interp(ahead, marks, column) for column in path.T]))
        stopped = furthest = done
        for action in arm.hold(SETTLE_S):
            yield action
            furthest = max(furthest, float((arm.tool()[:2] - start) @ along))
        self.coast += 0.5 * (furthest - stopped - self.coast)
        went = start + furthest * along
        return np.array([start, went])

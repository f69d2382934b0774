"""Come down on the start of a push from above, back off after it and rise before going home."""

from collections.abc import Generator

import numpy as np
from arm import Arm
from geometry import Array, Scene

DOWN_MM_S = 120.0


class Travel:
    """Above the start first, then straight down; after the push a little back along it, then straight up.

    The start is moved back from the block by `standoff`, for what eyes and arm get wrong.
    """

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        del scene  # Unused.
        self.pace, self.height, self.over = parameters["pace"], parameters["height"], parameters["over"]
        self.standoff, self.back = parameters["standoff"], parameters["back"]
        self.along = np.zeros(2)

    def go(self, arm: Arm, start: Array, end: Array) -> Generator[Array, None, bool]:
        """To the start (2,) of a push to `end` (2,), mm; returns whether the arm can go there."""
        self.along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-9)
        place = start - self.standoff * self.along
        above = arm.posture(np.array([*place, self.over]))
        down = None if above is None else arm.straight(above, np.array([*place, self.height]))
        if above is None or down is None or arm.posture(np.array([*end, self.height]), down[-1]) is None:
            return False
        yield from arm.move(above, self.pace)
        yield from arm.follow(down, (self.over - self.height) / DOWN_MM_S + 0.2)
        yield from arm.hold(0.15)
        return True

    def leave(self, arm: Arm) -> Generator[Array, None, None]:
        """Away from the block after a push."""
        here = arm.tool(arm.command)
        lag = float((here[:2] - arm.tool()[:2]) @ self.along)
        back = here - np.array([*((lag + self.back) * self.along), 0.0])
        for point in (back, np.array([back[0], back[1], self.over])):
            path = arm.straight(arm.command, point)
            if path is None:
                return
            yield from arm.follow(path, float(np.linalg.norm(point - arm.tool(arm.command))) / DOWN_MM_S + 0.1)

    def retract(self, arm: Arm) -> Generator[Array, None, None]:
        """Out of the camera's view."""
        yield from arm.retract(self.pace)

"""Go to the start of a push and back on the shortest way for the joints, whatever stands between."""

from collections.abc import Generator

import numpy as np
from arm import Arm
from geometry import Array, Scene


class Travel:
    """One motion straight in joint space to the start, one back; the fingertips may sweep over the block."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        del scene  # Unused.
        self.pace, self.height = parameters["pace"], parameters["height"]

    def go(self, arm: Arm, start: Array, end: Array) -> Generator[Array, None, bool]:
        """To the start (2,) of a push to `end` (2,), mm; returns whether the arm can go there."""
        joints = arm.posture(np.array([*start, self.height]))
        if joints is None or arm.posture(np.array([*end, self.height]), joints) is None:
            return False
        yield from arm.move(joints, self.pace)
        return True

    def leave(self, arm: Arm) -> Generator[Array, None, None]:
        """Away from the block after a push."""
        yield from arm.hold(0.05)

    def retract(self, arm: Arm) -> Generator[Array, None, None]:
        """Out of the camera's view."""
        yield from arm.retract(self.pace)

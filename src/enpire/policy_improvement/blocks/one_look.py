"""Believe the first look, and the camera's calibration."""

from collections.abc import Generator

import numpy as np
from arm import Arm
from geometry import Array, Scene


class Eyes:
    """One picture of the top camera; where it is said to stand counts, not where it stands."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        del scene, parameters  # Unused.

    def look(self, arm: Arm) -> Generator[Array, None, Array]:
        """Pose of the block (3,), mm and rad; holds the arm while it looks, again and again if nothing is seen."""
        while True:
            yield from arm.hold(0.05)
            seen = arm.ask("t_outline.find", view="top")
            if seen is not None:
                return np.array([1000.0 * seen["x_m"], 1000.0 * seen["y_m"], seen["yaw_rad"]])

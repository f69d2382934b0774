"""Look several times and take the mean; the camera's calibration is believed."""

from collections.abc import Generator

import numpy as np
from arm import Arm
from geometry import Array, Scene, wrap


class Eyes:
    """Mean of `looks` pictures of the top camera."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        del scene  # Unused.
        self.looks = max(1, round(parameters["looks"]))

    def look(self, arm: Arm) -> Generator[Array, None, Array]:
        """Pose of the block (3,), mm and rad; holds the arm while it looks, again and again if nothing is seen."""
        poses: list[Array] = []
        while len(poses) < self.looks:
            yield from arm.hold(0.05)
            seen = arm.ask("t_outline.find", view="top")
            if seen is not None:
                poses.append(np.array([1000.0 * seen["x_m"], 1000.0 * seen["y_m"], seen["yaw_rad"]]))
        first = poses[0]
        change = np.array(poses) - first
        change[:, 2] = wrap(change[:, 2])
        return np.asarray(first + change.mean(axis=0))

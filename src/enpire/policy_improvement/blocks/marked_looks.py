"""Check the camera against the marks on the table before believing it."""

from collections.abc import Generator

import numpy as np
from arm import Arm
from geometry import Array, Scene, wrap


class Eyes:
    """Each look first corrects the camera's pose by the marks; the mean of `looks` pictures counts."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        del scene  # Unused.
        self.looks = max(1, round(parameters["looks"]))

    def look(self, arm: Arm) -> Generator[Array, None, Array]:
        """Pose of the block (3,), mm and rad; holds the arm while it looks, again and again if nothing is seen."""
        marks, radius = arm.scene["marks_m"], arm.scene["mark_radius_m"]
        poses: list[Array] = []
        while len(poses) < self.looks:
            yield from arm.hold(0.05)
            camera = arm.ask("fiducials.refine", view="top", marks_m=marks, radius_m=radius)
            if camera is None:
                continue
            seen = arm.ask("t_outline.find", view="top", T_world_camera=camera["T_world_camera"])
            if seen is not None:
                poses.append(np.array([1000.0 * seen["x_m"], 1000.0 * seen["y_m"], seen["yaw_rad"]]))
        change = np.array(poses) - poses[0]
        change[:, 2] = wrap(change[:, 2])
        return np.asarray(poses[0] + change.mean(axis=0))

"""Distance of the centre plus a weighted yaw error."""

import numpy as np
from geometry import Array, Scene, to_world, wrap


class Cost:
    """Centroid distance plus `yaw_weight` gyration radii per radian of yaw error, px."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        self.centroid = scene.centroid
        self.goal = to_world(scene.goal, scene.centroid)
        self.goal_yaw = scene.goal[2]
        self.px_per_rad = parameters["yaw_weight"] * scene.gyration_radius

    def __call__(self, blocks: Array) -> Array:
        """Cost (K,) of poses (K, 3), px; zero at the goal."""
        away = np.linalg.norm(to_world(blocks, self.centroid) - self.goal, axis=-1)
        return away + self.px_per_rad * np.abs(wrap(blocks[..., 2] - self.goal_yaw))

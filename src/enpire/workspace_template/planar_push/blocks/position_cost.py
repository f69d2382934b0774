"""Distance of the block's centre from where it should be; yaw does not count."""

import numpy as np
from geometry import Array, Scene, to_world


class Cost:
    """Distance between the centroid and the centroid at the goal, px."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        del parameters  # Unused.
        self.centroid = scene.centroid
        self.goal = to_world(scene.goal, scene.centroid)

    def __call__(self, blocks: Array) -> Array:
        """Cost (K,) of poses (K, 3), px; zero at the goal."""
        return np.linalg.norm(to_world(blocks, self.centroid) - self.goal, axis=-1)

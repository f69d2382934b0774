"""Every push is equally long."""

import numpy as np
from geometry import Array, Scene


class Lengths:
    """One length, whatever the distance to the goal."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        self.lengths = np.array([parameters["length"] * scene.pusher_radius])

    def choose(self, block: Array, cost: float) -> Array:
        """Rising push lengths (L,) to consider at this block pose (3,) and cost, px."""
        del block, cost  # Unused.
        return self.lengths

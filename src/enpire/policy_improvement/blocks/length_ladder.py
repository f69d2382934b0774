"""Several lengths at once, each longer by a constant factor, reaching from a touch to the remaining distance."""

import numpy as np
from geometry import Array, Scene


class Lengths:
    """Geometric ladder between the finest push and a little more than the remaining cost."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        self.finest = parameters["finest"] * scene.pusher_radius
        self.rungs = max(2, round(parameters["rungs"]))
        self.longest = 2.0 * scene.block_radius

    def choose(self, block: Array, cost: float) -> Array:
        """Rising push lengths (L,) to consider at this block pose (3,) and cost, px."""
        del block  # Unused.
        longest = np.clip(1.5 * cost, 4.0 * self.finest, max(self.longest, 4.0 * self.finest))
        return np.geomspace(self.finest, longest, self.rungs)

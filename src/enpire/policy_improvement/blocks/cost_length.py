"""Push as far as the block is from its goal: long at first, short at the end."""

import numpy as np
from geometry import Array, Scene


class Lengths:
    """One length, a share of the remaining cost plus the gap before the touch, within bounds."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        self.share = parameters["share"]
        self.shortest = parameters["shortest"] * scene.pusher_radius
        self.longest = 2.0 * scene.block_radius

    def choose(self, block: Array, cost: float) -> Array:
        """Rising push lengths (L,) to consider at this block pose (3,) and cost, px."""
        del block  # Unused.
        return np.array([min(self.shortest + self.share * cost, self.longest)])

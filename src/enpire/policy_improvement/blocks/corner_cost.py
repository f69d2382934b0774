"""How far the block's corners are from their goal places: position and yaw in one length."""

import numpy as np
from geometry import Array, Scene, to_world, wrap


class Cost:
    """A blend of the root mean square and the largest corner distance, px.

    The mean is taken along arcs: with the corners' mean at distance d from its goal place, their root mean square
    radius rho about it and the yaw error a, it is sqrt(d^2 + rho^2 a^2). Straight distances would be flat where a is
    half a turn, and a planner that looks one push ahead gets stuck there.
    """

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        self.vertices, self.goal = scene.vertices, scene.goal
        self.blend = parameters["worst_corner"]
        self.middle = scene.vertices.mean(axis=0)
        self.rho = float(np.sqrt(((scene.vertices - self.middle) ** 2).sum(axis=1).mean()))

    def __call__(self, blocks: Array) -> Array:
        """Cost (K,) of poses (K, 3), px; zero at the goal."""
        shift = to_world(blocks, self.middle) - to_world(self.goal, self.middle)
        mean = np.hypot(np.hypot(shift[:, 0], shift[:, 1]), self.rho * wrap(blocks[:, 2] - self.goal[2]))
        gap = to_world(blocks[:, None], self.vertices) - to_world(self.goal, self.vertices)  # (K, V, 2)
        worst = np.sqrt((gap**2).sum(axis=-1).max(axis=-1))
        blended: Array = (1 - self.blend) * mean + self.blend * worst
        return blended

"""How far the block's corners are from their goal places: position and yaw in one length."""

import numpy as np
from geometry import Array, Scene


class Cost:
    """A blend of the root mean square and the largest corner distance, px."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        self.scene = scene
        self.blend = parameters["worst_corner"]
        self.goal = _corners(scene.goal[None], scene.vertices)[0]

    def __call__(self, blocks: Array) -> Array:
        """Cost (K,) of poses (K, 3), px; zero at the goal."""
        squares = ((_corners(blocks, self.scene.vertices) - self.goal) ** 2).sum(axis=-1)  # (K, V)
        mean, worst = np.sqrt(squares.mean(axis=-1)), np.sqrt(squares.max(axis=-1))
        return (1 - self.blend) * mean + self.blend * worst


def _corners(blocks: Array, vertices: Array) -> Array:
    """Corners (K, V, 2) in the world."""
    c, s = np.cos(blocks[:, 2, None]), np.sin(blocks[:, 2, None])
    x, y = vertices[:, 0], vertices[:, 1]
    return np.stack([c * x - s * y + blocks[:, 0, None], s * x + c * y + blocks[:, 1, None]], axis=-1)

"""Corner distance, plus the share of the block that still lies outside its goal outline."""

import numpy as np
from geometry import Array, Scene, signed_distance, to_block, to_world

GRID = 12
"""Sample points across the block's larger side."""


class Cost:
    """Root mean square corner distance plus `missing` block radii times the uncovered share of the goal, px.

    Coverage is measured on a grid of points inside the block, only for poses within a block radius of the goal; it is
    flat far away, and sharp near the goal, where it is what many tasks ask for.
    """

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        self.scene = scene
        self.weight = parameters["missing"] * scene.block_radius
        low, high = scene.vertices.min(axis=0), scene.vertices.max(axis=0)
        pitch = (high - low).max() / GRID
        axes = [np.arange(low[axis] + pitch / 2, high[axis], pitch) for axis in (0, 1)]
        points = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
        self.points = points[scene.clearance(points, np.zeros(3)) < 0]

    def __call__(self, blocks: Array) -> Array:
        """Cost (K,) of poses (K, 3), px; zero at the goal."""
        away = self.scene.corner_distance(blocks, self.scene.goal)
        near = away < 0.5 * self.scene.block_radius
        missing = np.ones(len(blocks))
        if near.any():
            world = to_world(blocks[near][:, None], self.points)  # (K', N, 2)
            local = to_block(self.scene.goal, world).reshape(-1, 2)
            depth = np.max([-signed_distance(local, polygon)[0] for polygon in self.scene.polygons], axis=0)
            soft = np.clip(0.5 + depth / (0.1 * self.scene.pusher_radius), 0.0, 1.0)  # no steps between grid points
            missing[near] = 1.0 - soft.reshape(-1, len(self.points)).mean(axis=1)
        return away + self.weight * missing

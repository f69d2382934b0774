"""Walk round the block on a circle."""

import numpy as np
from geometry import Array, Scene, to_world


class Navigator:
    """Straight if nothing is near the line; else out to a circle round the centroid, along it, and in again."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        self.scene = scene
        self.ring = scene.block_radius + (1.0 + parameters["clearance"]) * scene.pusher_radius
        self.margin = (1.0 + 0.2 * parameters["clearance"]) * scene.pusher_radius

    def path(self, pusher: Array, goal: Array, block: Array) -> Array:
        """Way points (M, 2) from the pusher (2,) to the goal (2,), the goal last, px, world frame."""
        line = pusher + np.linspace(0.0, 1.0, 24)[:, None] * (goal - pusher)
        clearance = self.scene.clearance(line, block)
        if np.all(clearance >= np.minimum(self.margin, np.minimum(clearance[0], clearance[-1]) - 1e-6)):
            return goal[None]
        centre = to_world(block, self.scene.centroid)
        here, there = pusher - centre, goal - centre
        begin, finish = np.arctan2(here[1], here[0]), np.arctan2(there[1], there[0])
        arc = (finish - begin + np.pi) % (2 * np.pi) - np.pi
        paths = [self._round(centre, begin, turn, goal) for turn in (arc, arc - np.sign(arc) * 2 * np.pi)]
        return min(paths, key=lambda path: self._length(pusher, path, block))

    def _round(self, centre: Array, begin: float, turn: float, goal: Array) -> Array:
        angles = begin + np.linspace(0.0, 1.0, max(2, int(abs(turn) / 0.35) + 1)) * turn
        ring = centre + self.ring * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return np.vstack([self.scene.clip(ring), goal])

    def _length(self, pusher: Array, path: Array, block: Array) -> float:
        """Length, px. Way points that the action box has pushed into the block count as a whole round each."""
        blocked = self.scene.clearance(path[:-1], block) < self.scene.pusher_radius
        length = np.linalg.norm(np.diff(np.vstack([pusher, path]), axis=0), axis=1).sum()
        return float(length + 2 * np.pi * self.ring * blocked.sum())

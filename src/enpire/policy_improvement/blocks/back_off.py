"""When the cost has not fallen for a while, step away from the block and look again from there."""

import numpy as np
from geometry import Array, Push, Scene, State, to_world


class Recovery:
    """After `patience` steps without a fall of the cost by a tenth, retreat from the block's centre for a few steps."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        self.scene = scene
        self.patience = round(parameters["patience"])
        self.distance = scene.block_radius + parameters["distance"] * scene.pusher_radius
        self.best, self.waited, self.retreating = np.inf, 0, 0

    def record(self, push: Push, before: Array, after: Array) -> None:
        """Take note of a finished push and the block poses (3,) before and after it."""
        del push, before, after  # Unused.

    def penalty(self, block: Array, starts: Array, directions: Array) -> Array:
        """Extra cost (K,) of pushes from `starts` (K, 2) along `directions` (K, 2) at this block pose (3,), px."""
        del block, directions  # Unused.
        return np.zeros(len(starts))

    def escape(self, state: State, cost: float) -> Array | None:
        """Point (2,) to go to at once instead of pushing; None to carry on."""
        self.waited += 1
        if cost < 0.9 * self.best:
            self.best, self.waited = cost, 0
        if self.waited > self.patience:
            self.best, self.waited, self.retreating = np.inf, 0, 6
        if self.retreating == 0:
            return None
        self.retreating -= 1
        centre = to_world(state.block, self.scene.centroid)
        away = state.pusher - centre
        away /= max(float(np.linalg.norm(away)), 1e-9)
        return self.scene.clip(centre + away * self.distance)

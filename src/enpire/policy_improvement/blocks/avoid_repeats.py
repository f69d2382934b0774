"""Do not try again at once what has just failed."""

from collections import deque

import numpy as np
from geometry import Array, Push, Scene, State, rotate, to_block


class Recovery:
    """Remembers pushes that moved the block less than half as far as expected, or elsewhere, and makes them dearer.

    A push resembles a remembered one if it starts within two pusher radii of it, in the block frame.
    """

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        self.scene = scene
        self.price = parameters["price"] * scene.pusher_radius
        self.failed: deque[tuple[Array, Array]] = deque(maxlen=max(1, round(parameters["memory"])))

    def record(self, push: Push, before: Array, after: Array) -> None:
        """Take note of a finished push and the block poses (3,) before and after it."""
        promised = self.scene.corner_distance(push.outcome[None], before)[0]
        missed = self.scene.corner_distance(after[None], push.outcome)[0]
        if missed > 0.5 * promised:
            self.failed.append((to_block(before, push.start), rotate(push.direction, -before[2])))
        elif self.failed:
            self.failed.popleft()

    def penalty(self, block: Array, starts: Array, directions: Array) -> Array:
        """Extra cost (K,) of pushes from `starts` (K, 2) along `directions` (K, 2) at this block pose (3,), px."""
        local, inward = to_block(block, starts), rotate(directions, -block[2])
        extra = np.zeros(len(starts))
        for start, direction in self.failed:
            near = np.clip(1.0 - np.linalg.norm(local - start, axis=1) / (2.0 * self.scene.pusher_radius), 0.0, 1.0)
            extra += self.price * near * np.clip(inward @ direction, 0.0, 1.0)
        return extra

    def escape(self, state: State, cost: float) -> Array | None:
        """Point (2,) to go to at once instead of pushing; None to carry on."""
        del state, cost  # Unused.
        return None

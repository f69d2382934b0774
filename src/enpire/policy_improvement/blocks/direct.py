"""Command the next point itself and assume that the pusher is there one period later."""

import numpy as np
from geometry import Array, Scene, State

SUBSTEPS = 4


class Pusher:
    """No dynamics: the pusher moves evenly and arrives within one control period."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        del parameters  # Unused.
        self.period_s = scene.period_s

    def predict(self, position: Array, velocity: Array, command: Array) -> tuple[Array, Array]:
        """Centres (..., n, 2) within one period, the last at its end, and the velocity (..., 2) there, px and px/s."""
        del velocity  # Unused.
        fractions = np.arange(1, SUBSTEPS + 1)[:, None] / SUBSTEPS
        way = command - position
        return position[..., None, :] + fractions * way[..., None, :], way / self.period_s

    def travel(self, state: State, path: Array) -> Array:
        """Command (2,) that follows a free path (M, 2) from here to its last point."""
        far = np.linalg.norm(path - state.pusher, axis=1) > 1.0
        return np.array(path[np.argmax(far)] if far.any() else path[-1])

    def press(self, state: State, end: Array) -> Array:
        """Command (2,) that pushes straight on to `end` (2,)."""
        del state  # Unused.
        return end

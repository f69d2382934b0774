"""Believe every observation as it comes."""

import numpy as np
from geometry import Array, Scene, State


class Estimator:
    """The last observation is the state; the pusher's velocity is its last difference."""

    def __init__(self, scene: Scene, parameters: dict[str, float], pusher: object, push_model: object) -> None:
        del parameters, pusher, push_model  # Unused.
        self.scene = scene
        self.last: Array | None = None

    def update(self, reading: Array, command: Array | None) -> State:
        """State from a reading (pusher x, y, block x, y, yaw) and the command sent one period ago, or None."""
        del command  # Unused.
        last = reading[:2] if self.last is None else self.last
        self.last = reading[:2].copy()
        velocity = (self.last - last) / self.scene.period_s
        return State(pusher=self.last, velocity=np.asarray(velocity), block=reading[2:].copy())

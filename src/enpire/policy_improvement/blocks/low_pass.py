"""Smooth every observation a little."""

import numpy as np
from geometry import Array, Scene, State, wrap


class Estimator:
    """First-order low pass on pusher and block; half the noise costs about two steps of lag."""

    def __init__(self, scene: Scene, parameters: dict[str, float], pusher: object, push_model: object) -> None:
        del pusher, push_model  # Unused.
        self.period_s = scene.period_s
        self.gain = parameters["gain"]
        self.mean: Array | None = None

    def update(self, reading: Array, command: Array | None) -> State:
        """State from a reading (pusher x, y, block x, y, yaw) and the command sent one period ago, or None."""
        del command  # Unused.
        if self.mean is None:
            self.mean = reading.copy()
        last = self.mean
        change = reading - last
        change[4] = wrap(change[4])
        self.mean = last + self.gain * change
        velocity = (self.mean[:2] - last[:2]) / self.period_s
        return State(pusher=self.mean[:2], velocity=np.asarray(velocity), block=self.mean[2:])

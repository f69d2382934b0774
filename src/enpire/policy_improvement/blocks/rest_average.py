"""A block that nobody touches does not move: average its pose until the pusher is near again."""

import numpy as np
from geometry import Array, Scene, State, wrap


class Estimator:
    """Running mean of the block's pose while the pusher is clear of it; believes observations during contact.

    A reading further than `gate` from the mean is taken as a real motion and starts a new mean.
    """

    def __init__(self, scene: Scene, parameters: dict[str, float], pusher: object, push_model: object) -> None:
        del pusher, push_model  # Unused.
        self.scene = scene
        self.pusher_gain, self.contact_gain = parameters["pusher_gain"], parameters["contact_gain"]
        self.clear = (1.0 + parameters["margin"]) * scene.pusher_radius
        self.gate = parameters["gate"] * scene.pusher_radius
        self.pusher: Array | None = None
        self.block = np.zeros(3)
        self.count = 0

    def update(self, reading: Array, command: Array | None) -> State:
        """State from a reading (pusher x, y, block x, y, yaw) and the command sent one period ago, or None."""
        del command  # Unused.
        if self.pusher is None:
            self.pusher, self.block = reading[:2].copy(), reading[2:].copy()
        last = self.pusher
        self.pusher = last + self.pusher_gain * (reading[:2] - last)
        change = reading[2:] - self.block
        change[2] = wrap(change[2])
        resting = self.scene.clearance(self.pusher[None], self.block)[0] > self.clear
        surprise = np.hypot(np.hypot(change[0], change[1]), change[2] * self.scene.gyration_radius) > self.gate
        self.count = self.count + 1 if resting and not surprise else 0
        gain = 1.0 if surprise else min(self.contact_gain, 1.0) if not resting else 1.0 / (self.count + 1)
        self.block = self.block + gain * change
        velocity = (self.pusher - last) / self.scene.period_s
        return State(pusher=self.pusher, velocity=np.asarray(velocity), block=self.block)

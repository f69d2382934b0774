"""Learn from own pushes how far the pusher really is from where the readings say, in the camera's frame."""

import numpy as np
from geometry import Array, Push, Scene, to_world, wrap
from pushing import PushModel, roll

STEPS = 9
NOISE_MM = 1.5
"""What model and eyes get wrong, beside a tenth of the way pushed."""


class Aim:
    """The offset of the pusher under which the push model explains the pushes of this episode best.

    Offsets on a grid within `reach` are weighed by how well each explains every push, with a prior of half of it.
    """

    def __init__(self, scene: Scene, parameters: dict[str, float], push_model: PushModel) -> None:
        self.scene, self.push_model = scene, push_model
        axis = parameters["reach"] * np.linspace(-1.0, 1.0, STEPS)
        self.grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        self.loss = (self.grid**2).sum(axis=1) / (0.5 * parameters["reach"]) ** 2
        self.offset = np.zeros(2)

    def correct(self, push: Push) -> tuple[Array, Array]:
        """Start and end (2,) to command, mm."""
        return push.start - self.offset, push.end - self.offset

    def record(self, went: Array, before: Array, after: Array) -> None:
        """Take note of a push that went from `went[0]` to `went[1]` by the readings, and of the block's poses."""
        length = float(np.linalg.norm(went[1] - went[0]))
        if length < 1.0:
            return
        count = len(self.grid)
        direction = np.tile((went[1] - went[0]) / length, (count, 1))
        blocks = np.tile(before, (count, 1))
        step = 0.5 * self.scene.pusher_radius
        (outcomes,) = roll(self.push_model, blocks, went[0] + self.grid, direction, np.array([length]), step)
        away = to_world(outcomes, self.scene.centroid) - to_world(after, self.scene.centroid)
        turned = self.scene.gyration_radius * wrap(outcomes[:, 2] - after[2])
        missed = np.hypot(np.hypot(away[:, 0], away[:, 1]), turned) / (NOISE_MM + 0.1 * length)
        self.loss = self.loss + np.minimum(missed**2, 9.0)
        weights = np.exp(-0.5 * (self.loss - self.loss.min()))
        self.offset = weights @ self.grid / weights.sum()

"""How far the pusher really is from where the readings say, in the frame in which the block is seen.

Joint zeros and camera calibrations are never exact. What pushes did to the block shows their difference: the offset is
chosen under which the push model explains all pushes so far best.
"""

import numpy as np
from numpy.typing import NDArray

from enpire.tasks._push_t import block
from enpire.tasks._push_t.planner import Push, roll

Array = NDArray[np.float64]

_REACH_M, _STEPS = 0.006, 13
_PRIOR_M = 0.002
_NOISE_M = 0.0015
"""Of the model and of the looks: shorter pushes tell as much as longer ones up to this, longer ones less."""
_SPIN_M = 0.06


class Offset:
    """Estimate from pushes.

    Attributes:
        value: Real minus read position of the pusher, m, world frame, shape (2,).
    """

    def __init__(self) -> None:
        axis = np.linspace(-_REACH_M, _REACH_M, _STEPS)
        self._grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        self._loss = (self._grid**2).sum(axis=1) / _PRIOR_M**2
        self.value = np.zeros(2)

    def record(self, went: Array, before: Array, after: Array) -> None:
        """A push by the readings, (2, 2) begin and end, and the poses (3,) of the block seen before and after it."""
        way = went[1] - went[0]
        length = float(np.linalg.norm(way))
        if length < 1e-6:
            return
        count = len(self._grid)
        starts, directions = went[0] + self._grid, np.tile(way / length, (count, 1))
        outcomes = roll(np.tile(before, (count, 1)), starts, directions, np.array([length]))[0]
        away = np.linalg.norm(block.center(outcomes) - block.center(after), axis=1)
        missed = np.hypot(away, _SPIN_M * block.wrap(outcomes[:, 2] - after[2]))
        spread = _NOISE_M + 0.1 * length
        self._loss += np.minimum((missed / spread) ** 2, 9.0)
        weights = np.exp(-0.5 * (self._loss - self._loss.min()))
        self.value = np.asarray(weights @ self._grid / weights.sum())

    def command(self, push: Push) -> Push:
        """The push to command so that the pusher really makes the given one."""
        return Push(start=push.start - self.value, end=push.end - self.value, outcome=push.outcome)

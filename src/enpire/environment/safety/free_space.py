"""Whether a motion and the stop after it stay clear, with as few looks at the geometry as possible."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from enpire.environment.safety.clearance import Clearance

Vector = NDArray[np.float64]

_EVERY = 3
"""Of the poses that nothing proves yet, look at every third, then see what is left."""


class FreeSpace:
    """The margins that may not be broken, and the last pose at which they were looked at.

    A margin that is broken where the robot starts may only get better, up to where it is whole.
    """

    def __init__(self, clearance: Clearance) -> None:
        self._clearance = clearance
        self._pose = np.zeros(clearance.size)
        self._margins = np.full(len(clearance.kinds), -np.inf)
        self._floor = np.zeros(len(clearance.kinds))
        self._worst = self._margins
        self._none = np.zeros(len(clearance.kinds), dtype=bool)

    def begin(self, pose: Vector) -> None:
        """The robot stands at `pose`, shape (A,)."""
        self._look(pose)
        self._floor = np.minimum(self._margins, 0.0)

    def broken(self, low: Vector, high: Vector, poses: Callable[[], Vector]) -> NDArray[np.bool_]:
        """Which margins a motion would break, shape (M,).

        Args:
            low, high: Bounds per value on the whole motion, shape (A,).
            poses: Gives the motion tick by tick with the pose of rest at its end, shape (T, A). Called only if the
                bounds prove nothing.
        """
        recovering = self._floor.any()
        way = np.maximum(high - self._pose, self._pose - low)
        if not recovering and (self._margins >= self._clearance.loss(way)).all():
            return self._none
        return self._recovery(poses()) if recovering else self._search(poses())

    def accept(self) -> None:
        """The motion that was looked at last is made: what got better stays better."""
        if self._floor.any():
            self._floor = np.maximum(self._floor, np.minimum(self._worst, 0.0))  # clamp: recovery

    def _search(self, poses: Vector) -> NDArray[np.bool_]:
        """Look at the last pose, then at the rest in rounds, until those looked at prove the others."""
        margins = self._look(poses[-1])
        left, rows = np.arange(len(poses) - 1), np.array([len(poses) - 1])
        found = margins[None, :]
        while True:
            broken: NDArray[np.bool_] = found.min(axis=0) < 0.0
            if broken.any():
                return broken
            lost = np.abs(poses[left][:, None, :] - poses[rows]) @ self._clearance.weights.T
            left = left[~(lost <= found).all(axis=2).any(axis=1)]
            if not len(left):
                return self._none
            rows = left[:: _EVERY if len(left) > _EVERY else 1]
            found = self._clearance.margins(poses[rows])
            left = np.setdiff1d(left, rows, assume_unique=True)

    def _recovery(self, poses: Vector) -> NDArray[np.bool_]:
        """Look at every pose; none may be worse than the floor."""
        self._worst = self._clearance.margins(poses).min(axis=0)
        self._margins = np.full(len(self._floor), -np.inf)
        broken: NDArray[np.bool_] = self._worst < self._floor
        return broken

    def _look(self, pose: Vector) -> Vector:
        self._pose, self._margins = pose.copy(), self._clearance.margins(pose[None, :])[0]
        return self._margins

"""Whether a motion and the stop after it stay clear, with as few looks at the geometry as possible."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from enpire.environment.safety.clearance import Clearance

Vector = NDArray[np.float64]

_EVERY = 3
"""Of the poses that nothing proves yet, look at every third, then see what is left."""
_KEPT = 6
"""Poses looked at last, which may prove the next motion too."""


class FreeSpace:
    """The margins that may not be broken, and the last poses at which they were looked at.

    A margin that is broken where the robot starts may only get better, up to where it is whole.

    Attributes:
        none: No margin is broken; shape (M,).
    """

    def __init__(self, clearance: Clearance) -> None:
        self._clearance = clearance
        self._poses = np.zeros((1, clearance.size))
        self._margins = np.full((1, len(clearance.kinds)), -np.inf)
        self._floor = np.zeros(len(clearance.kinds))
        self._worst = self._margins[0]
        self.none = np.zeros(len(clearance.kinds), dtype=bool)

    def begin(self, pose: Vector) -> None:
        """The robot stands at `pose`, shape (A,)."""
        self._poses = pose[None, :].copy()
        self._margins = self._clearance.margins(self._poses)
        self._floor = np.minimum(self._margins[0], 0.0)

    def broken(self, low: Vector, high: Vector, poses: Callable[[], Vector]) -> NDArray[np.bool_]:
        """Which margins a motion would break, shape (M,).

        Args:
            low, high: Bounds per value on the whole motion, shape (A,).
            poses: Gives the motion tick by tick with the pose of rest at its end, shape (T, A). Called only if the
                bounds prove nothing.
        """
        recovering = self._floor.any()
        if not recovering and self._proven(np.maximum(high - self._poses, self._poses - low)[None])[0]:
            return self.none
        return self._recovery(poses()) if recovering else self._search(poses())

    def accept(self) -> None:
        """The motion that was looked at last is made: what got better stays better."""
        if self._floor.any():
            self._floor = np.maximum(self._floor, np.minimum(self._worst, 0.0))  # clamp: recovery

    def _search(self, poses: Vector) -> NDArray[np.bool_]:
        """Look in rounds, from the end on, at poses that nothing looked at before proves free."""
        left, first = poses[::-1], True
        while True:
            left = left[~self._proven(np.abs(left[:, None, :] - self._poses))]
            if not len(left):
                return self.none
            seen = left[:1] if first else left[:: _EVERY if len(left) > _EVERY else 1]
            first = False
            found = self._clearance.margins(seen)
            broken: NDArray[np.bool_] = found.min(axis=0) < 0.0
            if broken.any():
                return broken
            self._poses = np.concatenate([seen, self._poses])[:_KEPT]
            self._margins = np.concatenate([found, self._margins])[:_KEPT]

    def _proven(self, ways: Vector) -> NDArray[np.bool_]:
        """What stays clear if it is no further than `ways`, shape (T, K, A), from the K poses looked at, shape (T,)."""
        kept = (ways @ self._clearance.weights.T <= self._margins).any(axis=1)  # (T, M)
        return np.asarray(kept.all(axis=-1))

    def _recovery(self, poses: Vector) -> NDArray[np.bool_]:
        """Look at every pose; none may be worse than the floor."""
        worst = self._clearance.margins(poses).min(axis=0)
        self._margins = np.full(self._margins.shape, -np.inf)
        broken: NDArray[np.bool_] = worst < self._floor
        self._worst = self._floor if broken.any() else worst  # what is not taken makes nothing better
        return broken

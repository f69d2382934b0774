"""Motion that a robot makes on its own: braking to rest, and going slowly somewhere."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


class Motion(Protocol):
    """Targets of the motors, tick by tick."""

    finished: bool

    def step(self, duration_s: float) -> Vector:
        """Target at the end of the next `duration_s`."""
        ...


class Brake:
    """To rest by damping: the target lags behind a joint by its velocity, so that the motor pulls against the motion.

    A target that brakes by itself would make joints swing that are heavy for their motors. At rest the joints are held
    where they are; what is not braked, such as a gripper that may hold something, keeps its target.

    Args:
        target: Of all values.
        reading: Positions and velocities now, shape (A,) each.
        lag_s: Of the targets, shape (A,); with half of damping over stiffness, a motor damps half as much again.
            NaN: not braked.
    """

    AT_REST = 0.06
    """rad/s; less may be an arm that sinks because its weight is not quite known."""
    LONGEST_S = 1.0

    def __init__(self, target: Vector, reading: Callable[[], tuple[Vector, Vector]], lag_s: Vector) -> None:
        self._target, self._reading = target.copy(), reading
        self._lag_s, self._braked = lag_s, np.isfinite(lag_s)
        self._elapsed_s = 0.0
        self.finished = False

    def step(self, duration_s: float) -> Vector:
        """Target at the end of the next `duration_s`."""
        self._elapsed_s += duration_s
        place, velocity = self._reading()
        moving = np.abs(velocity[self._braked]).max(initial=0.0) > self.AT_REST
        self.finished = not moving or self._elapsed_s >= self.LONGEST_S
        behind = place if self.finished else place - self._lag_s * velocity
        self._target = np.where(self._braked, behind, self._target)
        return self._target


class Travel:
    """Straight in joint space from rest to rest, no value faster than `speed` per second.

    The path parameter is the minimum-jerk polynomial 10 s³ - 15 s⁴ + 6 s⁵ (Flash and Hogan, 1985), whose largest slope
    is 15/8.
    """

    def __init__(self, start: Vector, goal: Vector, speed: float) -> None:
        self._start, self._way = start.copy(), goal - start
        self._duration_s = max(float(np.abs(self._way).max(initial=0.0)) * 15 / 8 / speed, 1e-9)
        self._elapsed_s = 0.0
        self.finished = False

    def step(self, duration_s: float) -> Vector:
        """Target at the end of the next `duration_s`."""
        self._elapsed_s += duration_s
        s = min(self._elapsed_s / self._duration_s, 1.0)
        self.finished = s >= 1.0
        return self._start + self._way * (s**3 * (10.0 - 15.0 * s + 6.0 * s * s))

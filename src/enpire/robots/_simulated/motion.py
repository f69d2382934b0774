"""Motion that a robot makes on its own: braking to rest, and going slowly somewhere."""

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
    """From a target that moves with `velocity` to rest, every value at its own `deceleration`."""

    def __init__(self, target: Vector, velocity: Vector, deceleration: Vector) -> None:
        self._target, self._velocity, self._deceleration = target.copy(), velocity.copy(), deceleration
        self.finished = False

    def step(self, duration_s: float) -> Vector:
        """Target at the end of the next `duration_s`."""
        speed = np.maximum(np.abs(self._velocity) - self._deceleration * duration_s, 0.0)
        self._velocity = np.sign(self._velocity) * speed
        self._target = self._target + self._velocity * duration_s
        self.finished = not speed.any()
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

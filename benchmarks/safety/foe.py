"""Somebody who wants the arms to break a limit: bursts of actions of nine kinds."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from enpire.environment.safety.clearance import Clearance
from enpire.environment.safety.limits import SafetyLimits

Vector = NDArray[np.float64]
BURST = 100
"""Actions of one kind in a row."""
HOLD = 20
JUNK = (np.nan, np.inf, -np.inf, 1e300, -1e300, 1e30, 5e-324, -5e-324, 0.0)


class Foe:
    """Draws bursts of actions.

    Args:
        clearance: Geometry to aim at.
        limits: What is to be broken.
        rng: All chance comes from here.

    Attributes:
        kinds: What it can do.
        low, high: Of the actions, shape (A,).
    """

    def __init__(self, clearance: Clearance, limits: SafetyLimits, rng: np.random.Generator) -> None:
        self._rng, self.low, self.high = rng, np.array(limits.low), np.array(limits.high)
        poses = rng.uniform(self.low, self.high, (4000, len(self.low)))
        worst = clearance.margins(poses)
        self._aims = {
            "at the box": poses[worst[:, [0, 2]].min(axis=1) < 0],
            "at the table": poses[worst[:, [1, 3]].min(axis=1) < 0],
            "at the other arm": poses[worst[:, 4] < 0],
        }
        self.kinds = ("random", "bang-bang", "resonant", "at the limits", *self._aims, "nudges", "smooth", "junk")

    def burst(self, kind: str, now: Vector, size: int = BURST) -> Iterator[Vector | None]:
        """`size` actions of shape (A,), or of no sensible shape, or None; `now` is where the commands stand."""
        rng, low, high, values = self._rng, self.low, self.high, len(self.low)
        if kind in self._aims:
            aims = self._aims[kind]
            yield from [aims[rng.integers(len(aims))]] * size
        elif kind == "random":
            yield from rng.uniform(low, high, (size, values))
        elif kind == "bang-bang":
            for k in range(size):
                if k % HOLD == 0:
                    corner = np.where(rng.random(values) < 0.5, low, high)
                yield corner
        elif kind == "resonant":
            period, phase = rng.uniform(2, 60, values), rng.uniform(0, 2 * np.pi, values)
            for k in range(size):
                yield now + rng.uniform(0.02, 1.0) * np.sign(np.sin(2 * np.pi * k / period + phase))
        elif kind == "at the limits":
            yield from [np.where(rng.random(values) < 0.5, low - 1.0, high + 1.0)] * size
        elif kind == "nudges":
            yield from now + np.cumsum(rng.normal(0.0, 0.03, (size, values)), axis=0)
        elif kind == "smooth":
            goal, x = np.clip(now + rng.uniform(-0.6, 0.6, values), low, high), np.linspace(0.0, 1.0, size)[:, None]
            yield from now + (goal - now) * x**3 * (10 - 15 * x + 6 * x * x)
        else:
            for _ in range(size):
                yield self._junk(now)

    def _junk(self, now: Vector) -> Vector | None:
        rng, action = self._rng, now + self._rng.normal(0.0, 0.2, len(self.low))
        dice = rng.random()
        if dice < 0.25:
            return None
        if dice < 0.5:
            action[rng.integers(len(action))] = JUNK[rng.integers(len(JUNK))]
        elif dice < 0.6:
            return np.zeros(int(rng.integers(0, 20)))
        elif dice < 0.7:
            action *= 10.0 ** rng.uniform(0, 300)
        return action

"""Readings scaled to about one, and how fast they change."""

from typing import Any

import numpy as np
from interface import FEATURES, Array, Readings


class Features:
    """Scaled readings, followed by their smoothed change per step: velocities where the task shows only positions."""

    def __init__(self, task: dict[str, Any], parameters: dict[str, float]) -> None:
        self._readings = Readings(task)
        self._used = min(self._readings.size, FEATURES // 2)
        self.size = 2 * self._used
        spread = np.array([parameters[f"spread_{entry}"] for entry in range(self._used)])
        known = self._readings.known[: self._used]
        self._scale = np.where(known, self._readings.half_range[: self._used], spread)
        self._fresh, self._gain = parameters["fresh"], parameters["gain"]
        self._last: Array | None = None
        self._change = np.zeros(self._used)

    def read(self, observation: dict[str, Array]) -> Array:
        """Features, shape (size,)."""
        row = self._readings.row(observation) - self._readings.centre
        scaled = row[: self._used] / self._scale
        if self._last is not None:
            self._change += self._fresh * (self._gain * (scaled - self._last) - self._change)
        self._last = scaled
        return np.concatenate([scaled, self._change])

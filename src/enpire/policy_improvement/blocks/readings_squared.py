"""Readings scaled to about one, and their squares with sign."""

from typing import Any

import numpy as np
from interface import FEATURES, Array, Readings


class Features:
    """Scaled readings x, followed by x |x|: a controller can then answer large deviations more than in proportion."""

    def __init__(self, task: dict[str, Any], parameters: dict[str, float]) -> None:
        self._readings = Readings(task)
        self._used = min(self._readings.size, FEATURES // 2)
        self.size = 2 * self._used
        spread = np.array([parameters[f"spread_{entry}"] for entry in range(self._used)])
        known = self._readings.known[: self._used]
        self._scale = np.where(known, self._readings.half_range[: self._used], spread)

    def read(self, observation: dict[str, Array]) -> Array:
        """Features, shape (size,)."""
        row = self._readings.row(observation) - self._readings.centre
        scaled = row[: self._used] / self._scale
        return np.concatenate([scaled, scaled * np.abs(scaled)])

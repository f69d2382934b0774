"""Readings as they are, scaled to about one."""

from typing import Any

import numpy as np
from interface import FEATURES, Array, Readings


class Features:
    """Each reading minus the middle of its declared bounds, over their half width; without bounds, over its spread."""

    def __init__(self, task: dict[str, Any], parameters: dict[str, float]) -> None:
        self._readings = Readings(task)
        self.size = min(self._readings.size, FEATURES)
        spread = np.array([parameters[f"spread_{entry}"] for entry in range(self.size)])
        known = self._readings.known[: self.size]
        self._scale = np.where(known, self._readings.half_range[: self.size], spread)

    def read(self, observation: dict[str, Array]) -> Array:
        """Features, shape (size,)."""
        row = self._readings.row(observation) - self._readings.centre
        return row[: self.size] / self._scale

"""The task as numbers around one: which readings there are, and how actions in [-1, 1] become the task's own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEATURES = 12
"""Features that blocks declare weights for; further ones are not used."""
WIDE = 1e3
"""Bounds beyond this say nothing about the range of a reading."""


class Readings:
    """All vector entries of an observation in one row, in order of their keys. Images are left out."""

    def __init__(self, task: dict[str, Any]) -> None:
        self._keys = [
            (key, int(np.prod(entry["shape"])))
            for key, entry in sorted(task["observation"].items())
            if len(entry["shape"]) <= 1
        ]
        self.size = sum(size for _, size in self._keys)
        low, high = (self._bounds(task, side) for side in ("low", "high"))
        self.known = (np.abs(low) < WIDE) & (np.abs(high) < WIDE) & (high > low)
        """Which entries have declared bounds, shape (size,)."""
        low, high = np.where(self.known, low, -1.0), np.where(self.known, high, 1.0)
        self.centre = (low + high) / 2
        """Middle of each entry's bounds, 0 if unknown, shape (size,)."""
        self.half_range = (high - low) / 2
        """Half the width of each entry's bounds, 1 if unknown, shape (size,)."""

    def row(self, observation: dict[str, Array]) -> Array:
        """The entries in the task's units, shape (size,)."""
        parts = [np.asarray(observation[key], float).ravel() for key, _ in self._keys]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _bounds(self, task: dict[str, Any], side: str) -> Array:
        rows = []
        for key, size in self._keys:
            declared = np.asarray(task["observation"][key].get(side, ()), float).ravel()
            rows.append(declared if len(declared) == size else np.full(size, np.inf))
        return np.concatenate(rows) if rows else np.zeros(0)


class Actions:
    """The task's action space. A discrete entry with n choices splits [-1, 1] into n equal parts."""

    def __init__(self, task: dict[str, Any]) -> None:
        action = task["action"]
        self.size = int(action["size"])
        self._low, self._high = np.asarray(action["low"], float), np.asarray(action["high"], float)
        choices = action.get("discrete") or [0] * self.size
        self._choices = np.asarray(choices, float)

    def scale(self, wanted: Array) -> Array:
        """Action in the task's units for values in [-1, 1], clipped. Both have shape (size,)."""
        share = (np.clip(wanted, -1.0, 1.0) + 1.0) / 2.0
        index = np.minimum(np.floor(share * self._choices), self._choices - 1.0)
        return np.where(self._choices > 0, self._low + index, self._low + share * (self._high - self._low))

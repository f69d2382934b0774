"""Blend each action with the last ones: calm where readings are noisy."""

import numpy as np
from interface import Array


class Output:
    """First-order low pass: u <- u + fresh (a - u), with a clipped to [-1, 1]."""

    def __init__(self, parameters: dict[str, float]) -> None:
        self._fresh = parameters["fresh"]
        self._action: Array | None = None

    def update(self, wanted: Array) -> Array:
        """The blended action, shape (actions,)."""
        wanted = np.clip(wanted, -1.0, 1.0)
        self._action = wanted if self._action is None else self._action + self._fresh * (wanted - self._action)
        return self._action

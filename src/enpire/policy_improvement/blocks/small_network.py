"""A network with three hidden units."""

import numpy as np
from interface import Array

FEATURES_USED = 8
"""Features with weights; further ones are not used."""
HIDDEN = 3


class Controller:
    """Action a = v . tanh(W x + c), the same for all action values."""

    def __init__(self, features: int, actions: int, parameters: dict[str, float]) -> None:
        columns = range(min(features, FEATURES_USED))
        self._weights = np.zeros((HIDDEN, features))
        for unit in range(HIDDEN):
            self._weights[unit, : len(columns)] = [parameters[f"in_{unit}_{column}"] for column in columns]
        self._bias = np.array([parameters[f"bias_{unit}"] for unit in range(HIDDEN)])
        self._out = np.array([parameters[f"out_{unit}"] for unit in range(HIDDEN)])
        self._actions = actions

    @staticmethod
    def used(features: int, actions: int) -> set[str]:
        """Names of the parameters in use."""
        del actions  # Unused.
        columns = range(min(features, FEATURES_USED))
        weights = {f"in_{unit}_{column}" for unit in range(HIDDEN) for column in columns}
        return weights | {f"{kind}_{unit}" for kind in ("bias", "out") for unit in range(HIDDEN)}

    def act(self, features: Array) -> Array:
        """Action in [-1, 1] before clipping, shape (actions,)."""
        return np.full(self._actions, float(self._out @ np.tanh(self._weights @ features + self._bias)))

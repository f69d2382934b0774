"""A weighted sum of the features for each action value."""

import numpy as np
from interface import FEATURES, Array

ACTIONS = 2
"""Action values with weights of their own; further ones stay in the middle."""


class Controller:
    """Action a = W x + b, clipped by the action box."""

    def __init__(self, features: int, actions: int, parameters: dict[str, float]) -> None:
        self._weights = np.zeros((actions, features))
        self._bias = np.zeros(actions)
        for row in range(min(actions, ACTIONS)):
            self._bias[row] = parameters[f"bias_{row}"]
            for column in range(min(features, FEATURES)):
                self._weights[row, column] = parameters[f"weight_{row}_{column}"]

    @staticmethod
    def used(features: int, actions: int) -> set[str]:
        """Names of the parameters in use."""
        rows = range(min(actions, ACTIONS))
        weights = {f"weight_{row}_{column}" for row in rows for column in range(min(features, FEATURES))}
        return weights | {f"bias_{row}" for row in rows}

    def act(self, features: Array) -> Array:
        """Action in [-1, 1] before clipping, shape (actions,)."""
        return self._weights @ features + self._bias

"""Two feedback laws and a switch between them: swing up far from the goal, balance near it."""

import numpy as np
from interface import Array

FEATURES_USED = 8
"""Features with weights; further ones are not used."""
LAWS = ("far", "near", "gate")


class Controller:
    """Where gate . x + offset is positive the near law acts, elsewhere the far law; the same for all action values."""

    def __init__(self, features: int, actions: int, parameters: dict[str, float]) -> None:
        columns = range(min(features, FEATURES_USED))
        self._laws = {law: np.zeros(features) for law in LAWS}
        for law, weights in self._laws.items():
            weights[: len(columns)] = [parameters[f"{law}_{column}"] for column in columns]
        self._offset, self._actions = parameters["offset"], actions

    @staticmethod
    def used(features: int, actions: int) -> set[str]:
        """Names of the parameters in use."""
        del actions  # Unused.
        return {f"{law}_{column}" for law in LAWS for column in range(min(features, FEATURES_USED))} | {"offset"}

    def act(self, features: Array) -> Array:
        """Action in [-1, 1] before clipping, shape (actions,)."""
        near = float(self._laws["gate"] @ features) + self._offset > 0
        return np.full(self._actions, float(self._laws["near" if near else "far"] @ features))

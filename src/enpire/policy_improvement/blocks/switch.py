"""Full action one way or the other, by the sign of a weighted sum: pumps energy into what swings."""

import numpy as np
from interface import FEATURES, Array


class Controller:
    """Every action value is +strength or -strength; it changes only when the sum passes the dead band."""

    def __init__(self, features: int, actions: int, parameters: dict[str, float]) -> None:
        columns = range(min(features, FEATURES))
        self._weights = np.zeros(features)
        self._weights[: len(columns)] = [parameters[f"weight_{column}"] for column in columns]
        self._strength, self._band = parameters["strength"], parameters["band"]
        self._action = np.zeros(actions)

    @staticmethod
    def used(features: int, actions: int) -> set[str]:
        """Names of the parameters in use."""
        del actions  # Unused.
        return {f"weight_{column}" for column in range(min(features, FEATURES))} | {"strength", "band"}

    def act(self, features: Array) -> Array:
        """Action in [-1, 1], shape (actions,)."""
        wanted = float(self._weights @ features)
        if abs(wanted) > self._band:
            self._action = np.full_like(self._action, np.copysign(self._strength, wanted))
        return self._action

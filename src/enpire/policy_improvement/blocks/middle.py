"""The middle of the action box, whatever happens."""

import numpy as np
from interface import Array


class Controller:
    """Always 0, the middle action."""

    def __init__(self, features: int, actions: int, parameters: dict[str, float]) -> None:
        del features, parameters  # Unused.
        self._action = np.zeros(actions)

    @staticmethod
    def used(features: int, actions: int) -> set[str]:
        """Names of the parameters in use."""
        del features, actions  # Unused.
        return set()

    def act(self, features: Array) -> Array:
        """Action in [-1, 1], shape (actions,)."""
        del features  # Unused.
        return self._action

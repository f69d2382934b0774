"""Swing up to the right energy and no further, then balance."""

import numpy as np
from interface import Array

FEATURES_USED = 6
"""Features with weights; further ones are not used."""
LAWS = ("height", "speed", "near")


class Controller:
    """With height h = height . x and speed v = speed . x the energy is h + v^2, as in any swinging thing.

    Far from the goal full action along v adds energy while it is below `goal` and takes it away above (Astrom and
    Furuta, Automatica 36, 2000). Where h passes `gate`, linear feedback near . x balances. All action values are the
    same.
    """

    def __init__(self, features: int, actions: int, parameters: dict[str, float]) -> None:
        columns = range(min(features, FEATURES_USED))
        self._laws = {law: np.zeros(features) for law in LAWS}
        for law, weights in self._laws.items():
            weights[: len(columns)] = [parameters[f"{law}_{column}"] for column in columns]
        self._goal, self._gate, self._actions = parameters["goal"], parameters["gate"], actions

    @staticmethod
    def used(features: int, actions: int) -> set[str]:
        """Names of the parameters in use."""
        del actions  # Unused.
        return {f"{law}_{column}" for law in LAWS for column in range(min(features, FEATURES_USED))} | {"goal", "gate"}

    def act(self, features: Array) -> Array:
        """Action in [-1, 1] before clipping, shape (actions,)."""
        height, speed, near = (float(self._laws[law] @ features) for law in LAWS)
        push = near if height > self._gate else float(np.sign(speed * (self._goal - height - speed * speed)))
        return np.full(self._actions, push)

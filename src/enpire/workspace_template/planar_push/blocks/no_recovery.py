"""Carry on as if every push had worked."""

import numpy as np
from geometry import Array, Push, Scene, State


class Recovery:
    """Never interrupts, forgets every failure."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        del scene, parameters  # Unused.

    def record(self, push: Push, before: Array, after: Array) -> None:
        """Take note of a finished push and the block poses (3,) before and after it."""
        del push, before, after  # Unused.

    def penalty(self, block: Array, starts: Array, directions: Array) -> Array:
        """Extra cost (K,) of pushes from `starts` (K, 2) along `directions` (K, 2) at this block pose (3,), px."""
        del block, directions  # Unused.
        return np.zeros(len(starts))

    def escape(self, state: State, cost: float) -> Array | None:
        """Point (2,) to go to at once instead of pushing; None to carry on."""
        del state, cost  # Unused.
        return None

"""Command the straight push and trust that the arm follows."""

from collections.abc import Generator

import numpy as np
from arm import Arm
from geometry import Array, Scene


class Stroke:
    """From where the command is to the end of the push, smoothly, at a mean speed; ends when the command does."""

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        del scene  # Unused.
        self.speed = parameters["speed"]

    def push(self, arm: Arm, start: Array, end: Array) -> Generator[Array, None, Array]:
        """Push from `start` to `end` (2,), mm; returns where the tool went by the readings, (2, 2)."""
        here = arm.tool(arm.command)
        path = arm.straight(arm.command, np.array([*end, here[2]]))
        if path is None:
            return np.array([start, start])
        yield from arm.follow(path, float(np.linalg.norm(end - here[:2])) / self.speed)
        return np.array([start, arm.tool()[:2]])

"""The strip under a station's video: force and progress over time, drawn with NumPy."""

import numpy as np
from numpy.typing import NDArray

HEIGHT_PX = 60
FORCE_FULL_SCALE = 30.0
"""Effort at the upper edge of the strip, Nm or N."""
_INK = {"force": (230, 120, 60), "progress": (90, 190, 120)}


class Strip:
    """Force and progress of an episode so far."""

    def __init__(self) -> None:
        self._force: list[float] = []
        self._progress: list[float] = []

    def add(self, force: float, progress: float) -> None:
        """One control period more: largest effort (Nm or N) and progress in [0, 1]."""
        self._force.append(min(force / FORCE_FULL_SCALE, 1.0))
        self._progress.append(progress)

    def under(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture (H, W, 3) with the strip below it, (H + 60, W, 3)."""
        width = picture.shape[1]
        strip = np.full((HEIGHT_PX, width, 3), 24, np.uint8)
        for values, name in ((self._force, "force"), (self._progress, "progress")):
            if values:
                columns = np.linspace(0, width - 1, max(len(values), 2)).astype(int)
                heights = np.interp(np.arange(width), columns[: len(values)], values)
                rows = ((1.0 - heights) * (HEIGHT_PX - 1)).astype(int)
                for row in (rows, np.minimum(rows + 1, HEIGHT_PX - 1)):
                    strip[row, np.arange(width)] = _INK[name]
        return np.concatenate([picture, strip])

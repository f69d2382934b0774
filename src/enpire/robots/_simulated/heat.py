"""How warm motors get: copper losses go with the square of the torque, and the housing gives them off slowly."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vector = NDArray[np.float64]

ROOM_C = 25.0
RATED_RISE_C = 50.0
"""A motor that gives its continuous torque ends up so much above the room."""
TAU_S = 300.0
HOT_C = 90.0
"""From here on a motor counts as too hot; a real driver lets go of it a little later."""


class Heat:
    """First-order model: dT/dt = (room + rise (torque / continuous)² - T) / tau. Starts cold.

    Args:
        continuous: Effort that each motor can give for ever, shape (A,).

    Attributes:
        temperature_c: Of each motor, shape (A,).
    """

    def __init__(self, continuous: ArrayLike) -> None:
        self._continuous = np.array(continuous, float)
        self.temperature_c: Vector = np.full(self._continuous.shape, ROOM_C)

    def work(self, effort: Vector, duration_s: float) -> None:
        """The motors gave `effort`, shape (A,), for a while."""
        end_c = ROOM_C + RATED_RISE_C * (effort / self._continuous) ** 2
        self.temperature_c = end_c + (self.temperature_c - end_c) * np.exp(-duration_s / TAU_S)

"""Bounds that a tool states in its signature, with `Annotated`; the catalogue enforces them on every call."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

MOST_ROWS = 4096
"""Entries of a list, or rows of an array, whose length is left open."""


@dataclass(frozen=True)
class Range:
    """Closed interval of a number: `Annotated[float, Range(0.0, 1.0)]`."""

    low: float
    high: float


@dataclass(frozen=True)
class Shape:
    """Shape of an array; None is any length up to `most`: `Annotated[NDArray[np.float64], Shape((None, 3))]`."""

    sizes: tuple[int | None, ...]
    most: int = MOST_ROWS


Point = Annotated[NDArray[np.float64], Shape((3,))]
"""x, y, z in metres, world frame, shape (3,)."""
Joints = Annotated[NDArray[np.float64], Shape((None,), most=14)]
"""Joint positions in rad, one entry per joint of the arm or arms."""
Path = Annotated[NDArray[np.float64], Shape((None, None))]
"""Joint positions in rad, one row per point, shape (N, joints)."""

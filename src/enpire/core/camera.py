"""What a camera gives and what is known about it, simulated or real."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Where a camera is said to be and how it maps points to pixels. What tools may know.

    Attributes:
        name: `top`, `left_wrist`, `right_wrist`.
        parent: Body it is fixed to: `world`, or an arm (`left`, `right`) whose last link carries it.
        pose: T_parent_camera as x, y, z in metres and quaternion w, x, y, z; optical frame: x right, y down, z forward.
        matrix: Pinhole matrix K, shape (3, 3), px.
        height, width: Image size in px.
    """

    name: str
    parent: str
    pose: tuple[float, ...]
    matrix: tuple[tuple[float, float, float], ...]
    height: int
    width: int


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One picture.

    Attributes:
        rgb: (H, W, 3) uint8.
        age_s: Time since the exposure.
        depth_m: (H, W) float32 along the optical axis, NaN where there is none; None if it was not asked for.
    """

    rgb: NDArray[np.uint8]
    age_s: float
    depth_m: NDArray[np.float32] | None = None

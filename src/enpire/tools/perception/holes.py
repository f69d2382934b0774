"""The 2 x 2 holes in the top of a box, from one picture of the top or a wrist camera.

Four dark spots of 4 mm are poor marks: what is dark in them changes with the direction of view, and a pin may stand in
one. The outline of the box is a good one, so the box is fitted (`t_outline`), and the holes are where its drawing has
them. A camera that is not as high as its arm's readings say sees the box larger and, at a slant, aside; where it has
depth, its height above the box is measured.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from mink import SE3
from numpy.typing import NDArray

from enpire.tools.bounds import Range, Shape
from enpire.tools.perception import t_outline, tracker
from enpire.tools.perception.hue import split, tint
from enpire.tools.perception.pinhole import Pinhole
from enpire.tools.perception.silhouette import place
from enpire.tools.perception.t_outline import Colour
from enpire.tools.station import DepthView, TrackedView

TOOLS = ("find",)

BOX_M = 0.040
BOX_HEIGHT_M = 0.030
PITCH_M = 0.020
BOX_COLOUR = (0.20, 0.42, 0.75)
_EVERY_PX, _LEAST_POINTS, _LEAST_SHARE = 4, 60, 0.12
_FLAT_M = 0.004
"""Thickness of a face as depth noise shows it."""
_MOST_M = 0.02
"""A face that is further from where it should be is that of something else."""
TAG = "box"
"""Of the box, where a tracker is in place of the cameras."""
_CORNERS = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
_GRID = np.array([[0.5, 0.5], [0.5, -0.5], [-0.5, 0.5], [-0.5, -0.5]])


@dataclass(frozen=True, kw_only=True)
class Holes:
    """Where a box and its holes are. World frame.

    Attributes:
        centers_m: Of the holes at the top of the box, (4, 3): with a box along the world's axes far left, far right,
            near left, near right as seen from the arms.
        x_m, y_m: Middle of the box.
        yaw_rad: Of the box, in (-pi/4, pi/4]; a square looks the same after a quarter turn.
        quality: In [0, 1], as of `t_outline.find`.
    """

    centers_m: Annotated[NDArray[np.float64], Shape((4, 3))]
    x_m: float
    y_m: float
    yaw_rad: float
    quality: float


def find(
    view: DepthView,
    box_m: Annotated[float, Range(0.01, 0.2)] = BOX_M,
    height_m: Annotated[float, Range(0.0, 0.2)] = BOX_HEIGHT_M,
    pitch_m: Annotated[float, Range(0.002, 0.1)] = PITCH_M,
    colour: Colour = BOX_COLOUR,
    T_world_camera: SE3 | None = None,
) -> Holes:
    """Centers of the 2 x 2 holes in the top of a square box that stands on the table.

    Args:
        view: Camera to look through, from above or at a slant; with depth, an error in its height drops out.
        box_m: Side of the box.
        height_m: Of the box.
        pitch_m: Distance of neighbouring holes.
        colour: Red, green and blue of the box in white light. It must not be grey.
        T_world_camera: Where the camera is, if better known than by its calibration.

    Raises:
        NotSeen: There is no such box in the picture.
    """
    if isinstance(view, TrackedView):
        x, y, turned = tracker.on_table(view, TAG)
        quality = 1.0
    else:
        T_nominal = T_world_camera or view.T_world_camera
        rise = SE3.from_translation(np.array([0.0, 0.0, -_too_high_m(view, T_nominal, height_m, colour)]))
        box = t_outline.find(view, (_CORNERS * box_m,), height_m, colour, rise @ T_nominal)
        x, y, turned, quality = box.x_m, box.y_m, box.yaw_rad, box.quality
    yaw = float((turned + np.pi / 4) % (np.pi / 2) - np.pi / 4)
    centers = place(np.column_stack([_GRID * pitch_m, np.full(4, height_m)]), np.array([x, y, yaw]))
    return Holes(centers_m=centers, x_m=x, y_m=y, yaw_rad=yaw, quality=quality)


def _too_high_m(view: DepthView, T_world_camera: SE3, height_m: float, colour: tuple[float, float, float]) -> float:
    """By how much the camera's depth shows the top of the box too high; 0 if it shows none."""
    if view.frame.depth_m is None:
        return 0.0
    share = tint(view.frame.rgb[::_EVERY_PX, ::_EVERY_PX], colour).share
    depth = view.frame.depth_m[::_EVERY_PX, ::_EVERY_PX].astype(np.float64)
    rows, columns = np.nonzero((share > split(share.ravel(), _LEAST_SHARE)) & np.isfinite(depth))
    camera = Pinhole.of(view.calibration, T_world_camera)
    rays = camera.rays(np.column_stack([columns, rows]).astype(np.float64) * _EVERY_PX)
    high = (camera.place + depth[rows, columns, None] * rays)[:, 2] - height_m
    high = high[np.abs(high) < _MOST_M]
    if len(high) < _LEAST_POINTS:
        return 0.0
    upper = np.quantile(high, 0.8)
    return float(np.median(high[np.abs(high - upper) < _FLAT_M]))

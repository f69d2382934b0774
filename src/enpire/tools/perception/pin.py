"""A pin that stands or is held upright, by its coloured head: a cylinder fitted to the depth of the head's pixels."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from mink import SE3
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import least_squares

from enpire.tools.bounds import Point, Range
from enpire.tools.perception import tracker
from enpire.tools.perception.errors import NoDepth, NotSeen
from enpire.tools.perception.hue import split, tint
from enpire.tools.perception.pinhole import Array, Pinhole
from enpire.tools.perception.t_outline import Colour
from enpire.tools.station import DepthView, TrackedView

TOOLS = ("find",)

HEAD_RADIUS_M = 0.004
HEAD_M = 0.012
HEAD_COLOUR = (0.85, 0.55, 0.10)
TAG = "pin"
"""Of the pin, where a tracker is in place of the cameras; origin in the middle of the head, z towards the tip."""
_COARSE_PX = 2
_LEAST_SHARE = 0.35
_LEAST_POINTS = 25
_MOST_POINTS = 500
_SCALE_M = 0.0005
_TILT_SD = 0.3


@dataclass(frozen=True, kw_only=True)
class Pin:
    """Where a pin's head is. World frame.

    Attributes:
        head_m: Middle of the head.
        axis: Unit vector from the tip to the head.
        tilt_rad: Between the axis and the vertical.
        rms_m: Distance of the measured points from the fitted head.
        points: Measured points.
    """

    head_m: Point
    axis: Point
    tilt_rad: float
    rms_m: float
    points: int


def find(
    view: DepthView,
    radius_m: Annotated[float, Range(0.001, 0.05)] = HEAD_RADIUS_M,
    length_m: Annotated[float, Range(0.002, 0.1)] = HEAD_M,
    colour: Colour = HEAD_COLOUR,
    T_world_camera: SE3 | None = None,
) -> Pin:
    """The head of an upright pin (tilt below about 30 degrees).

    Args:
        view: Camera with depth, closer than about 0.3 m: a wrist camera.
        radius_m: Of the head.
        length_m: Of the head.
        colour: Red, green and blue of the head in white light. It must not be grey.
        T_world_camera: Where the camera is, if better known than by its calibration.

    Raises:
        NotSeen: Nothing of that colour, or too little, is in the picture.
        NoDepth: It is in the picture, but the camera has no depth there.
    """
    if isinstance(view, TrackedView):
        return _tracked(view)
    camera = Pinhole.of(view.calibration, T_world_camera or view.T_world_camera)
    rows, columns = _head(view.frame.rgb, colour)
    depth = np.full(len(rows), np.nan) if view.frame.depth_m is None else view.frame.depth_m[rows, columns]
    measured = np.isfinite(depth)
    if measured.sum() < _LEAST_POINTS:
        raise NoDepth(f"camera {view.calibration.name} sees the pin's head but has no depth there")
    measured &= np.abs(depth - np.nanmedian(depth)) < 2 * length_m
    pixels = np.column_stack([columns, rows])[measured].astype(float)
    points = camera.place + depth[measured, None].astype(float) * camera.rays(pixels)
    points = points[:: 1 + len(points) // _MOST_POINTS]
    return _fit(points, camera.place, radius_m, length_m)


def _tracked(view: TrackedView) -> Pin:
    T_world_pin = tracker.body(view, TAG)
    axis = -T_world_pin.rotation().as_matrix()[:, 2]
    return Pin(
        head_m=T_world_pin.translation(),
        axis=axis,
        tilt_rad=float(np.arccos(np.clip(axis[2], -1.0, 1.0))),
        rms_m=tracker.SD_M,
        points=tracker.MARKERS,
    )


def _head(rgb: NDArray[np.uint8], colour: tuple[float, float, float]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the largest patch of the colour, less its rim, where colours mix."""
    coarse = tint(rgb[::_COARSE_PX, ::_COARSE_PX], colour).share
    labels, count = ndimage.label(coarse > split(coarse.ravel(), _LEAST_SHARE))
    if not count:
        raise NotSeen("nothing of the colour of the pin's head is in the picture")
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    rows, columns = ndimage.find_objects(labels)[int(sizes.argmax()) - 1]
    top, left = max(0, rows.start * _COARSE_PX - 4), max(0, columns.start * _COARSE_PX - 4)
    part = rgb[top : rows.stop * _COARSE_PX + 4, left : columns.stop * _COARSE_PX + 4]
    mask = ndimage.binary_erosion(tint(part, colour).share > _LEAST_SHARE)
    inside_rows, inside_columns = np.nonzero(mask)
    if len(inside_rows) < _LEAST_POINTS:
        raise NotSeen(f"only {len(inside_rows)} pixels of the pin's head are in the picture; go closer")
    return inside_rows + top, inside_columns + left


def _fit(points: Array, eye: Array, radius_m: float, length_m: float) -> Pin:
    """Least squares on the distance to the surface of a cylinder: middle and lean of its axis; a prior keeps it up."""
    start = points.mean(axis=0)
    start = start + 0.7 * radius_m * (start - eye) / np.linalg.norm(start - eye)

    def axis_of(lean: Array) -> Array:
        return np.array([lean[0], lean[1], 1.0]) / np.sqrt(1 + lean @ lean)

    def distance(values: Array) -> Array:
        axis = axis_of(values[3:])
        offset = points - (start + values[:3])
        along = offset @ axis
        aside = np.sqrt(np.maximum((offset**2).sum(axis=1) - along**2, 1e-12)) - radius_m
        beyond = np.abs(along) - length_m / 2
        outside = np.hypot(np.maximum(aside, 0), np.maximum(beyond, 0))
        gap: Array = outside + np.minimum(np.maximum(aside, beyond), 0)
        return gap

    def residual(values: Array) -> Array:
        return np.concatenate([distance(values) / _SCALE_M, values[3:] / _TILT_SD])

    found = least_squares(residual, np.zeros(5), loss="soft_l1", x_scale=[0.001, 0.001, 0.001, 0.1, 0.1], max_nfev=30)
    axis = axis_of(found.x[3:])
    gap = distance(found.x)
    return Pin(
        head_m=start + found.x[:3],
        axis=axis,
        tilt_rad=float(np.arccos(np.clip(axis[2], -1.0, 1.0))),
        rms_m=float(np.sqrt(np.mean(gap**2))),
        points=len(points),
    )

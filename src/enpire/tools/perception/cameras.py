"""Between pixels and points of the world, for a calibrated camera at its nominal pose."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from enpire.tools.bounds import Point, Range, Shape
from enpire.tools.perception.errors import NoDepth, NotSeen
from enpire.tools.perception.pinhole import Pinhole
from enpire.tools.station import DepthView, View

TOOLS = ("project", "on_plane", "deproject")

Pixel = Annotated[NDArray[np.float64], Shape((2,))]
"""Column and row, px; the center of the upper left pixel is (0, 0)."""


def project(view: View, point: Point) -> Pixel:
    """Pixel at which a point of the world is seen, whether or not something is in front of it.

    Args:
        view: Camera to look through.
        point: World frame, m.

    Returns:
        Column and row; may lie outside of the picture.

    Raises:
        NotSeen: The point is behind the camera.
    """
    (pixel,) = Pinhole.of(view.calibration, view.T_world_camera).project(np.asarray(point, float)[None])
    if not np.isfinite(pixel).all():
        raise NotSeen(f"the point is behind camera {view.calibration.name}")
    return np.asarray(pixel)


def on_plane(view: View, pixel_px: Pixel, z_m: Annotated[float, Range(-1.0, 2.0)] = 0.0) -> Point:
    """Point of the plane z = `z_m` seen at a pixel, world frame, m. The table is at 0.

    Args:
        view: Camera to look through.
        pixel_px: Column and row.
        z_m: Height of the plane.

    Raises:
        NotSeen: The ray through that pixel does not meet the plane.
    """
    (point,) = Pinhole.of(view.calibration, view.T_world_camera).on_plane(np.asarray(pixel_px, float)[None], z_m)
    if not np.isfinite(point).all():
        raise NotSeen(f"the plane z = {z_m:g} m is not seen at pixel {np.round(pixel_px, 1).tolist()}")
    return np.asarray(point)


def deproject(view: DepthView, pixel_px: Pixel) -> Point:
    """Point seen at a pixel by its measured depth, world frame, m. The depth is the median of 3 x 3 pixels.

    Args:
        view: Camera with depth.
        pixel_px: Column and row.

    Raises:
        NoDepth: The sensor returned none there; look again or elsewhere, never substitute.
        NotSeen: The pixel is outside of the picture.
    """
    depth = view.frame.depth_m
    column, row = (round(float(x)) for x in pixel_px)
    calibration = view.calibration
    if not (0 <= column < calibration.width and 0 <= row < calibration.height):
        size = f"{calibration.width} x {calibration.height}"
        raise NotSeen(f"pixel {column}, {row} is outside of camera {calibration.name}'s picture of {size}")
    if depth is None or not np.isfinite(depth[row, column]):
        raise NoDepth(f"camera {calibration.name} has no depth at pixel {column}, {row}")
    around = depth[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
    camera = Pinhole.of(calibration, view.T_world_camera)
    (ray,) = camera.rays(np.asarray(pixel_px, float)[None])
    return np.asarray(camera.place + float(np.nanmedian(around)) * ray)

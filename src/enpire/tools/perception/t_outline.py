"""Pose of a flat block of known outline and colour, such as the T of Push-T, from one picture of a calibrated camera.

Pixels of the block's hue give the rough place; the yaw comes from how well they fill the outline; then the silhouette
of the block, side faces included, is fitted to the edges in the picture by weighted least squares.
"""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
from mink import SE3
from numpy.typing import NDArray
from scipy import ndimage

from enpire.tools.bounds import Range, Shape
from enpire.tools.errors import ToolError
from enpire.tools.perception import tracker
from enpire.tools.perception.errors import NotSeen
from enpire.tools.perception.hue import Tint, split, tint
from enpire.tools.perception.outline_fit import Fitting
from enpire.tools.perception.pinhole import Array, Pinhole
from enpire.tools.perception.polygons import area, center, convex, inside_points, within, within_any
from enpire.tools.perception.silhouette import place, prisms
from enpire.tools.station import TrackedView, View

TOOLS = ("find",)

Polygon = Annotated[NDArray[np.float64], Shape((None, 2), most=8)]
Colour = tuple[Annotated[float, Range(0.0, 1.0)], Annotated[float, Range(0.0, 1.0)], Annotated[float, Range(0.0, 1.0)]]

T_POLYGONS_M: tuple[Array, ...] = (
    np.array([[-0.08, 0.0], [0.08, 0.0], [0.08, 0.04], [-0.08, 0.04]]),
    np.array([[-0.02, 0.04], [0.02, 0.04], [0.02, 0.16], [-0.02, 0.16]]),
)
"""Bar and stem of the T. The origin is the middle of the bar's outer edge; the stem points along +y."""
T_HEIGHT_M = 0.03
T_COLOUR = (0.10, 0.55, 0.25)
TAG = "block"
"""Of the T, where a tracker is in place of the cameras."""

_COARSE_PX = 160
_LEAST_SHARE = 0.12
_YAWS = 36
_APART_M, _APART_RAD = 0.015, 0.3
_DOUBTFUL = 0.6


@dataclass(frozen=True, kw_only=True)
class BlockPose:
    """Where a block stands, and how far that can be trusted.

    Attributes:
        x_m, y_m, yaw_rad: Pose of the block frame on the table, world frame; yaw about world z in (-pi, pi].
        quality: In [0, 1]: share of the outline that is seen where it should be, less for a poor fit and for
            colour outside of the outline. Below 0.5 the pose may be wrong altogether.
        sd_m, sd_rad: Standard deviation of position and yaw that the edges leave; a wrong calibration is not in it.
        hidden: Share of the top face that something is in front of, or that is outside of the picture.
    """

    x_m: float
    y_m: float
    yaw_rad: float
    quality: float
    sd_m: float
    sd_rad: float
    hidden: float


class _Rough(NamedTuple):
    """Where the block is, roughly: the part of the picture that holds it, and points (N, 2) of its pixels.

    The points lie half-way up: the middle of what is seen of a block shows the middle of the block.
    """

    picture: NDArray[np.uint8]
    corner: tuple[int, int]
    threshold: float
    points: Array
    pixels: Array


def find(
    view: View,
    polygons_m: tuple[Polygon, ...] = T_POLYGONS_M,
    height_m: Annotated[float, Range(0.0, 0.2)] = T_HEIGHT_M,
    colour: Colour = T_COLOUR,
    T_world_camera: SE3 | None = None,
) -> BlockPose:
    """Pose of a block that stands on the table, from its outline. With the defaults: the T of Push-T.

    Args:
        view: Camera to look through; it looks down on the table.
        polygons_m: Convex polygons, corners counter-clockwise, that make the block's outline; block frame.
        height_m: Of the block.
        colour: Red, green and blue of the block in white light. It must not be grey.
        T_world_camera: Where the camera is, if better known than by its calibration (`fiducials.refine`).

    Raises:
        NotSeen: Nothing of that colour and about that size is in the picture.
        ToolError: The outline or the colour cannot be that of a block.
    """
    _check(polygons_m, colour)
    if isinstance(view, TrackedView):
        x, y, yaw = tracker.on_table(view, TAG)
        sd_m, sd_rad = tracker.SD_M, tracker.SD_RAD
        return BlockPose(x_m=x, y_m=y, yaw_rad=yaw, quality=1.0, sd_m=sd_m, sd_rad=sd_rad, hidden=0.0)
    camera = Pinhole.of(view.calibration, T_world_camera or view.T_world_camera)
    polygons = [np.asarray(polygon, float) for polygon in polygons_m]
    rough = _rough(view.frame.rgb, camera, polygons, height_m, colour)
    camera = camera.cropped(*rough.corner)
    seen = tint(rough.picture, colour)
    parts = prisms(polygons, height_m)
    fitting = Fitting(seen, rough.threshold, camera, parts, rough.pixels - np.array(rough.corner))
    middle = np.stack([center(polygons)])
    best = fitting.best(_starts(rough.points, polygons, middle, spread=0.1, most=3))
    if best.quality < _DOUBTFUL:  # partly hidden: what is seen may be any part of the block
        wide = fitting.best(_starts(rough.points, polygons, inside_points(polygons), spread=0.15, most=10))
        best = max(best, wide, key=lambda fit: fit.quality)
    if not best.quality > 0:
        raise NotSeen("the block's colour is in the picture, but nothing of its outline")
    hidden = _hidden(seen, rough.threshold, camera, polygons, height_m, best.pose)
    yaw = float((best.pose[2] + np.pi) % (2 * np.pi) - np.pi)
    return BlockPose(
        x_m=float(best.pose[0]),
        y_m=float(best.pose[1]),
        yaw_rad=yaw if yaw > -np.pi else np.pi,
        quality=best.quality,
        sd_m=float(min(np.hypot(best.sd[0], best.sd[1]), 1.0)),
        sd_rad=float(min(best.sd[2], np.pi)),
        hidden=hidden,
    )


def _check(polygons_m: tuple[Array, ...], colour: tuple[float, float, float]) -> None:
    if not 1 <= len(polygons_m) <= 8 or not all(len(polygon) >= 3 and convex(polygon) for polygon in polygons_m):
        raise ToolError("a block is made of 1 to 8 convex polygons with counter-clockwise corners")
    if np.ptp(colour) < 0.1:
        raise ToolError(f"a block is found by its hue, and the colour {tuple(colour)} is nearly grey")


def _rough(
    rgb: NDArray[np.uint8], camera: Pinhole, polygons: list[Array], height_m: float, colour: tuple[float, float, float]
) -> _Rough:
    step = max(1, rgb.shape[1] // _COARSE_PX)
    start = step // 2
    coarse = tint(rgb[start::step, start::step], colour)
    threshold = split(coarse.share.ravel(), _LEAST_SHARE)
    labels, count = ndimage.label(coarse.share > threshold)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    if not count or sizes.max() < 8:
        raise NotSeen("nothing of the block's colour is in the picture")
    every = np.concatenate(polygons)
    span = float(np.hypot(*np.ptp(every, axis=0)))
    rows, columns = np.nonzero(np.isin(labels, np.flatnonzero(sizes >= max(4, 0.05 * sizes.max()))))
    pixels = np.column_stack([columns, rows]) * step + start
    points = camera.on_plane(pixels.astype(float), height_m / 2)[:, :2]
    largest = labels[rows, columns] == sizes.argmax()
    near = np.hypot(*(points - np.nanmean(points[largest], axis=0)).T) < span
    pixels, points = pixels[near], points[near]
    whole_m2 = sum(area(polygon) for polygon in polygons)
    if len(points) * _area_of_pixel(camera, points.mean(axis=0), height_m) * step**2 < 0.1 * whole_m2:
        raise NotSeen("too little of the block's colour is in the picture")
    margin = 20 + step
    (left, top), (right, bottom) = pixels.min(axis=0) - margin, pixels.max(axis=0) + margin
    left, top = max(int(left), 0), max(int(top), 0)
    return _Rough(rgb[top : int(bottom) + 1, left : int(right) + 1], (left, top), threshold, points, pixels)


def _starts(points: Array, polygons: list[Array], seen: Array, *, spread: float, most: int) -> list[Array]:
    """Poses under which the block covers the coloured points best, different from each other, the best first.

    Args:
        points: Where the block's colour is seen, world, (N, 2).
        polygons: The block.
        seen: Points of the block that the middle of the coloured points may be, block frame, (M, 2).
        spread: How much less of the points a start may cover than the best one.
        most: Number of starts.
    """
    chosen = points[:: max(1, len(points) // 200)]
    middle = points.mean(axis=0)
    yaws = np.arange(_YAWS) * (2 * np.pi / _YAWS)
    cosine, sine = np.cos(yaws), np.sin(yaws)
    turns = np.stack([np.stack([cosine, -sine], 1), np.stack([sine, cosine], 1)], 1)  # (yaws, 2, 2)
    turned = (chosen - middle) @ turns  # (yaws, N, 2), along the axes of the block
    scores = np.stack([within_any(turned + offset, polygons).mean(axis=1) for offset in seen], axis=1)
    starts: list[Array] = []
    for flat in np.argsort(-scores, axis=None, kind="stable"):
        i, j = divmod(int(flat), len(seen))
        if len(starts) == most or scores[i, j] < scores.max() - spread:
            break
        start = np.array([*(middle - turns[i] @ seen[j]), yaws[i]])
        if all(_apart(start, other) for other in starts):
            starts.append(start)
    return starts


def _apart(one: Array, other: Array) -> bool:
    yaw = abs((one[2] - other[2] + np.pi) % (2 * np.pi) - np.pi)
    return bool(yaw > _APART_RAD or np.hypot(*(one[:2] - other[:2])) > _APART_M)


def _hidden(
    seen: Tint, threshold: float, camera: Pinhole, polygons: list[Array], height_m: float, pose: Array
) -> float:
    grid = []
    for polygon in polygons:
        (left, low), (right, high) = polygon.min(axis=0) + 0.004, polygon.max(axis=0) - 0.004
        across, up = np.meshgrid(np.linspace(left, right, 16), np.linspace(low, high, 16))
        points = np.column_stack([across.ravel(), up.ravel()])
        grid.append(points[within(points, polygon)])
    flat = np.concatenate(grid)
    pixels = np.rint(camera.project(place(np.column_stack([flat, np.full(len(flat), height_m)]), pose))).astype(int)
    height, width = seen.share.shape
    inside = (pixels >= 0).all(axis=1) & (pixels < (width, height)).all(axis=1)
    covered = np.zeros(len(flat), bool)
    covered[inside] = seen.share[pixels[inside, 1], pixels[inside, 0]] > threshold
    return float(1 - covered.mean())


def _area_of_pixel(camera: Pinhole, point: Array, height_m: float) -> float:
    """Area on the plane z = `height_m` that one pixel sees at a point, m²."""
    slopes = camera.jacobian(np.array([[point[0], point[1], height_m]]))[0, :, :2]
    return 1.0 / abs(float(np.linalg.det(slopes)))

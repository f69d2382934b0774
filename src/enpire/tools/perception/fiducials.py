"""Where a camera really is, from round dark marks printed at known places on the table.

A careful lab does this before it trusts a picture: cameras get bumped, and 2 mm and 0.3 deg of calibration error move
things on the table by 5 mm. The marks are found as dark blobs near where they should be; the pose of the camera is then
corrected by Gauss-Newton until it predicts them.
"""

from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

import numpy as np
from mink import SE3
from numpy.typing import NDArray
from scipy import ndimage

from enpire.core.camera import Calibration, Frame
from enpire.tools.bounds import Range, Shape
from enpire.tools.perception.errors import NotSeen
from enpire.tools.perception.pinhole import Array, Pinhole
from enpire.tools.station import TrackedView, View

TOOLS = ("refine",)

MARK_RADIUS_M = 0.015
_SEARCH_M = 0.015
"""How far a mark may appear from where it should be."""
_PRIOR_SD = np.array([0.005, 0.005, 0.005, 0.01, 0.01, 0.01])
"""How far a camera is expected to be off, m and rad: what the marks cannot tell stays as it was said."""
_PIXEL_SD = 0.1
_FEWEST = 3


@dataclass(frozen=True, kw_only=True)
class CameraPose:
    """A camera's pose by the marks.

    Attributes:
        T_world_camera: Optical frame: x right, y down, z forward.
        marks: Marks that were seen.
        rms_px: What is left between the marks and the corrected camera.
    """

    T_world_camera: SE3
    marks: int
    rms_px: float


def refine(
    view: View,
    marks_m: Annotated[NDArray[np.float64], Shape((None, 2), most=64)],
    radius_m: Annotated[float, Range(0.002, 0.1)] = MARK_RADIUS_M,
) -> CameraPose:
    """Pose of a camera corrected by the round dark marks on the table that it sees. Hidden marks are left out.

    Args:
        view: Camera to look through; its calibration may be off by about 1 cm on the table.
        marks_m: Centers of the marks on the table, x and y in the world frame.
        radius_m: Of the marks.

    Raises:
        NotSeen: Fewer than 3 marks are seen.
    """
    pose = view.T_world_camera
    if isinstance(view, TrackedView):  # there is no camera to correct; the tracker was set up by the marks
        return CameraPose(T_world_camera=pose, marks=len(marks_m), rms_px=0.0)
    seen = _look(view.frame.rgb, Pinhole.of(view.calibration, pose), np.asarray(marks_m, float), radius_m)
    if len(seen.pixels) < _FEWEST:
        raise NotSeen(f"camera {view.calibration.name} sees {len(seen.pixels)} of {len(marks_m)} marks; 3 are needed")
    weight = np.ones(len(seen.pixels))
    change = np.zeros(6)
    for _ in range(6):
        corrected = pose @ SE3.exp(change)
        camera = Pinhole.of(view.calibration, corrected)
        residual = seen.pixels - np.array([_blob(camera, mark, radius_m)[0] for mark in seen.marks])
        distance = np.hypot(residual[:, 0], residual[:, 1])
        weight = 1 / (1 + (distance / (4 * _PIXEL_SD)) ** 2)
        slopes = _by_twist(camera, seen.marks).reshape(-1, 6)
        scale = np.repeat(weight, 2) / _PIXEL_SD**2
        normal = slopes.T @ (scale[:, None] * slopes) + np.diag(1 / _PRIOR_SD**2)
        step = np.linalg.solve(normal, slopes.T @ (scale * residual.ravel()) - change / _PRIOR_SD**2)
        change = change + step
    return CameraPose(
        T_world_camera=pose @ SE3.exp(change), marks=len(seen.pixels), rms_px=float(np.sqrt(np.mean(distance**2)))
    )


def refine_extrinsics(
    rgb: NDArray[np.uint8], calibration: Calibration, marks_m: Array, radius_m: float = MARK_RADIUS_M
) -> Calibration:
    """Calibration of a camera that stands in the world, corrected by the marks in one of its pictures (H, W, 3).

    Raises:
        NotSeen: Fewer than 3 marks are seen.
    """
    x, y, z, *quat_wxyz = calibration.pose
    said = SE3(np.array([*quat_wxyz, x, y, z]))
    view = View(frame=Frame(rgb=rgb, age_s=0.0), calibration=calibration, T_world_camera=said)
    true = refine(view, marks_m, radius_m).T_world_camera
    pose = (*true.translation().tolist(), *true.rotation().wxyz.tolist())
    return replace(calibration, pose=pose)


class _Seen(NamedTuple):
    marks: Array  # (N, 3), m
    pixels: Array  # (N, 2)


def _look(rgb: NDArray[np.uint8], camera: Pinhole, marks_m: Array, radius_m: float) -> _Seen:
    marks, pixels = [], []
    for x, y in marks_m:
        mark = np.array([x, y, 0.0])
        found = _find(rgb, camera, mark, radius_m)
        if found is not None:
            marks.append(mark)
            pixels.append(found)
    return _Seen(np.reshape(marks, (-1, 3)), np.reshape(pixels, (-1, 2)))


def _find(rgb: NDArray[np.uint8], camera: Pinhole, mark: Array, radius_m: float) -> Array | None:
    """Center of the blob of the right size next to where a mark should be; None if there is none, or it is hidden."""
    center, area = _blob(camera, mark, radius_m)
    if not np.isfinite(center).all() or area < 12:
        return None
    radius = float(np.sqrt(area / np.pi))
    reach = radius * (1 + _SEARCH_M / radius_m)
    (left, top), (right, bottom) = np.floor(center - reach - 3).astype(int), np.ceil(center + reach + 4).astype(int)
    height, width = rgb.shape[:2]
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if right - left < 2 * radius or bottom - top < 2 * radius:
        return None
    light = rgb[top:bottom, left:right].mean(axis=2)
    paper, ink = float(np.percentile(light, 80)), float(light.min())
    if paper - ink < 40:
        return None
    dark = np.clip((paper - light) / (paper - ink), 0.0, 1.0)
    labels, _ = ndimage.label(dark > 0.5)
    best, nearest = None, reach
    for label, part in enumerate(ndimage.find_objects(labels), 1):
        rows, columns = part
        touches = rows.start == 0 or columns.start == 0 or rows.stop == len(light) or columns.stop == light.shape[1]
        if touches or not 0.6 * area < float((labels[part] == label).sum()) < 1.5 * area:
            continue
        grown = ndimage.binary_dilation(labels == label, iterations=2)
        place, spread = _moments(np.where(grown, dark, 0.0))
        place = place + np.array([left, top])
        distance = float(np.hypot(*(place - center)))
        if distance < nearest and spread < 1.25 * _spread(camera, mark, radius_m):
            best, nearest = place, distance
    return best


def _moments(dark: Array) -> tuple[Array, float]:
    """Center (column, row) and mean square distance from it, px²."""
    rows, columns = np.indices(dark.shape)
    total = dark.sum()
    center = np.array([(dark * columns).sum(), (dark * rows).sum()]) / total
    return center, float((dark * ((columns - center[0]) ** 2 + (rows - center[1]) ** 2)).sum() / total)


def _rim(camera: Pinhole, mark: Array, radius_m: float) -> Array:
    angles = np.arange(24) * (2 * np.pi / 24)
    rim = mark + radius_m * np.column_stack([np.cos(angles), np.sin(angles), np.zeros(24)])
    return camera.project(rim)


def _blob(camera: Pinhole, mark: Array, radius_m: float) -> tuple[Array, float]:
    """Center of gravity and area of a mark in the picture, px and px²."""
    x, y = _rim(camera, mark, radius_m).T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    twice = cross.sum()
    center = np.array([((x + np.roll(x, -1)) * cross).sum(), ((y + np.roll(y, -1)) * cross).sum()]) / (3 * twice)
    return center, abs(float(twice)) / 2


def _spread(camera: Pinhole, mark: Array, radius_m: float) -> float:
    rim = _rim(camera, mark, radius_m)
    return float(((rim - rim.mean(axis=0)) ** 2).sum(axis=1).mean() / 2)


def _by_twist(camera: Pinhole, points: Array) -> Array:
    """Derivative of pixels by a twist of the camera in its own frame, linear part first; (N, 2, 6)."""
    slopes = camera.jacobian(points) @ camera.axes  # by the point, in the camera's frame
    local = (points - camera.place) @ camera.axes
    return -np.concatenate([slopes, np.cross(local[:, None, :], slopes)], axis=2)

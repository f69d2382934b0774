"""The judge of pin insertion: wrist camera, joints and efforts. It knows where things should be, not where they are."""

import numpy as np
from numpy.typing import NDArray

from enpire.core.records import Verdict
from enpire.environment.cell import Cell
from enpire.tasks._pin import facts, objects
from enpire.tasks._pin.facts import ARM
from enpire.tools.perception import tracker
from enpire.tools.perception.errors import NotSeen
from enpire.tools.station import DepthView, TrackedView

CAMERA = "right_wrist"
OPEN = 0.2
"""Opening above which the gripper holds nothing."""
RISEN_M = 0.04
"""The tool must be so far above the head of an inserted pin before the judge looks."""
_OVER_M = 0.03
"""The hand must be so near to above the hole: there the camera sees the whole box."""
STILL_RAD_S = 0.05
STILL_S = 0.3
ASIDE_M, HIGH_M = 0.002, 0.0017
"""An inserted pin's head is seen within so much of where it should be, sideways and in height.

The tip may truly stand 2 mm high; the rest is for what the camera gets wrong: at most 0.27 mm in 53 looks at a station
after a campaign. With 2 mm, 8 of 290 successes of a campaign were none, by up to 0.2 mm.
"""
_HELD_SHARE = 0.8
"""Progress of a held pin that is as deep as it can be."""
_LOW_M, _NEAR_M = 0.012, 0.04
_LOOK_EVERY = 10
"""Control periods from one look to the next."""
_BLUE, _ORANGE, _NOT_BLUE = 0.45, 0.45, 0.25
"""Shares of a colour in a pixel of the box and of the head."""
_DARK = 90.0
"""Sum of red, green and blue below which a pixel has no colour."""
_EVERY_PX = 2
_LEAST_BOX_PX, _LEAST_HEAD_PX = 300, 15
_AROUND_M, _TALLEST_M = 0.05, 0.09
"""A pin that matters is so near to the middle of the box, and no higher above it."""
_FLAT_M = 0.004
"""Thickness of a face as depth noise shows it."""
_BOX_PERCENT, _HEAD_PERCENT = 0.5, 2.0
"""Share of a face's points that are taken to lie beyond its edge."""
_BRIGHTER, _LEAST_TOP_PX = 1.5, 15
"""A top is so much brighter than a side; of one that is cut off so many pixels must be seen."""


class Judge:
    """What was seen so far in an episode."""

    def __init__(self) -> None:
        self._still_s = 0.0
        self._progress = 0.0
        self._wait = 0

    def see(self, cell: Cell) -> Verdict:
        """Verdict now. It looks through the camera only when the arm stands still, low down or with an open hand."""
        entries = cell.entries(ARM)
        *joints, opening = cell.state[entries]
        x, y, z = cell.arms[ARM].forward(np.array(joints)).translation()
        aside = float(np.hypot(x - objects.HOLES_M[facts.HOLE][0], y - objects.HOLES_M[facts.HOLE][1]))
        evidence = {"tool_z_m": float(z), "tool_aside_m": aside, "opening": float(opening)}
        still = bool(np.abs(cell.velocity[entries][:-1]).max() < STILL_RAD_S)
        self._still_s = self._still_s + cell.period_s if still else 0.0
        self._wait -= 1
        if opening < OPEN:
            down = (facts.HEAD_HOVER_M - z) / (facts.HEAD_HOVER_M - facts.HEAD_IN_M)
            above = float(np.clip(1.0 - aside / _NEAR_M, 0.0, 1.0))
            self._progress = _HELD_SHARE * float(np.clip(down, 0.0, 1.0)) * above
        near = aside < _OVER_M
        low = z < facts.HEAD_IN_M + _LOW_M
        risen = opening > OPEN and z > facts.HEAD_IN_M + RISEN_M
        if self._still_s >= STILL_S and self._wait <= 0 and near and (low or risen):
            self._wait = _LOOK_EVERY
            return self._look(cell, evidence)
        return Verdict(success=False, progress=self._progress, evidence=evidence)

    def _look(self, cell: Cell, evidence: dict[str, float]) -> Verdict:
        view = cell.station().depth_view(CAMERA)
        box, seen = _box_and_pin(view)
        if box is None:
            return Verdict(success=None, progress=self._progress, evidence=evidence)
        if seen is None:  # an inserted pin's head would be seen
            return Verdict(success=False, progress=self._progress, evidence=evidence | {"pin_seen": 0.0})
        off = seen - in_hole(facts.HOLE)
        aside_m, high_m = float(np.hypot(*off[:2])), float(off[2])
        evidence |= {"pin_seen": 1.0, "pin_aside_m": aside_m, "pin_high_m": high_m}
        success = aside_m < ASIDE_M and abs(high_m) < HIGH_M
        return Verdict(success=success, progress=1.0 if success else self._progress, evidence=evidence)


def in_hole(hole: int) -> NDArray[np.float64]:
    """Where `pin_on_box` sees a pin that is in a hole, (3,)."""
    head = np.array([*objects.HOLES_M[hole], facts.HEAD_IN_M + objects.HEAD_M / 2])
    return head - (*objects.BOX_AT_M, objects.BOX_HEIGHT_M)


def pin_on_box(view: DepthView) -> NDArray[np.float64] | None:
    """Middle of the head's top relative to the middle of the box's top, world axes, metres, (3,); None if unseen.

    Both are seen in one picture, so errors of the arm and of the camera's pose cancel.
    """
    return _box_and_pin(view)[1]


def _box_and_pin(view: DepthView) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Middle of the box's top in the world, and `pin_on_box`; None for what is unseen."""
    if isinstance(view, TrackedView):
        return _tracked(view)
    points, share = _points(view), _shares(view)
    blue = points[(share[:, 2] > _BLUE) & np.isfinite(points[:, 2])]
    if len(blue) < _LEAST_BOX_PX:
        return None, None
    middle = _upper_face(blue, _BOX_PERCENT)
    off = points - middle
    near = (np.abs(off[:, :2]).max(axis=1) < _AROUND_M) & (off[:, 2] > -_FLAT_M) & (off[:, 2] < _TALLEST_M)
    orange = near & (share[:, 0] > _ORANGE) & (share[:, 2] < _NOT_BLUE)
    head = points[orange]
    if len(head) < _LEAST_HEAD_PX:
        return middle, None
    if not _cut_off(orange, view):
        return middle, _upper_face(head, _HEAD_PERCENT) - middle
    light = view.frame.rgb[::_EVERY_PX, ::_EVERY_PX].reshape(-1, 3).sum(axis=1)[orange].astype(np.float64)
    top = _cut_top(head, light, view.T_world_camera.translation())
    return (None, None) if top is None else (middle, top - middle)


def _tracked(view: TrackedView) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """The same by a marker tracker."""
    try:
        box, head = tracker.body(view, "box"), tracker.body(view, "pin")
    except NotSeen:
        return None, None
    middle: NDArray[np.float64] = box.apply(np.array([0.0, 0.0, objects.BOX_HEIGHT_M]))
    return middle, head.apply(np.array([0.0, 0.0, -objects.HEAD_M / 2])) - middle


def _upper_face(points: NDArray[np.float64], percent: float) -> NDArray[np.float64]:
    """Halfway between the edges of the upper of the horizontal faces that were seen, and its height, (3,)."""
    heights = np.sort(points[:, 2])
    upper = heights[int(0.8 * (len(heights) - 1))]  # one that was measured, so the face is not empty
    face = points[np.abs(points[:, 2] - upper) < _FLAT_M]
    low, high = np.percentile(face[:, :2], [percent, 100 - percent], axis=0)
    return np.array([*(low + high) / 2, np.median(face[:, 2])])


def _cut_off(seen: NDArray[np.bool_], view: DepthView) -> bool:
    """Whether what is seen, every other pixel, reaches the edge of the picture: after a bump the top of a head may."""
    height, width = view.frame.rgb.shape[:2]
    rows, columns = np.nonzero(seen.reshape(-(-height // _EVERY_PX), -(-width // _EVERY_PX)))
    last_row, last_column = (height - 1) // _EVERY_PX, (width - 1) // _EVERY_PX
    return bool(rows.min() == 0 or columns.min() == 0 or rows.max() == last_row or columns.max() == last_column)


def _cut_top(
    points: NDArray[np.float64], light: NDArray[np.float64], eye: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Middle of a head's top of which only the part next to its side is in the picture, (3,); None if too little is.

    The top is told from the side by its light, and must be flat. Where it comes nearest to the camera is its rim: of an
    evenly seen disc 2 % lie beyond 0.9 of the radius.

    Args:
        points: Of the head, (N, 3).
        light: Brightness of their pixels, (N,).
        eye: Place of the camera, (3,).
    """
    dark, bright = np.percentile(light, [10, 98])
    top = points[light > (dark + bright) / 2]
    if bright < _BRIGHTER * dark or len(top) < _LEAST_TOP_PX:
        return None
    low, height, high = np.percentile(top[:, 2], [10, 50, 90])
    if high - low > _FLAT_M / 4:
        return None
    towards = eye[:2] - top[:, :2].mean(axis=0)
    towards /= np.linalg.norm(towards)
    across = np.array([-towards[1], towards[0]])
    rim = np.percentile(top[:, :2] @ towards, 100 - _HEAD_PERCENT)
    left, right = np.percentile(top[:, :2] @ across, [_HEAD_PERCENT, 100 - _HEAD_PERCENT])
    middle = (rim - 0.9 * objects.HEAD_RADIUS_M) * towards + (left + right) / 2 * across
    return np.array([*middle, height])


def _points(view: DepthView) -> NDArray[np.float64]:
    """World position of every other pixel by its depth, (N, 3), NaN without depth."""
    assert view.frame.depth_m is not None
    depth = view.frame.depth_m[::_EVERY_PX, ::_EVERY_PX].astype(np.float64)
    (fx, _, cx), (_, fy, cy), _ = view.calibration.matrix
    v, u = np.indices(depth.shape) * _EVERY_PX
    camera = np.stack([(u - cx) / fx * depth, (v - cy) / fy * depth, depth], axis=-1).reshape(-1, 3)
    rotation = view.T_world_camera.rotation().as_matrix()
    return np.asarray(camera @ rotation.T + view.T_world_camera.translation())


def _shares(view: DepthView) -> NDArray[np.float64]:
    """Share of red, green and blue in every other pixel, (N, 3); less in the dark, where noise has a colour."""
    rgb = view.frame.rgb[::_EVERY_PX, ::_EVERY_PX].reshape(-1, 3).astype(np.float64)
    return np.asarray(rgb / np.maximum(rgb.sum(axis=1, keepdims=True), _DARK))

"""The judge of pin insertion: wrist camera, joints and efforts. It knows where things should be, not where they are."""

import numpy as np
from numpy.typing import NDArray

from enpire.core.records import Verdict
from enpire.environment.cell import Cell
from enpire.tasks._pin import facts, objects
from enpire.tasks._pin.facts import ARM
from enpire.tools.station import DepthView

CAMERA = "right_wrist"
OPEN = 0.2
"""Opening above which the gripper holds nothing."""
RISEN_M = 0.04
"""The tool must be so far above the head of an inserted pin before the judge looks."""
STILL_RAD_S = 0.05
STILL_S = 0.3
ASIDE_M, HIGH_M = 0.002, 0.002
"""An inserted pin's head is seen within so much of where it should be: its hole leaves it no more."""
_HELD_SHARE = 0.8
"""Progress of a held pin that is as deep as it can be."""
_LOW_M, _NEAR_M = 0.006, 0.015
_LOOK_EVERY = 10
"""Control periods from one look to the next."""
_BLUE, _ORANGE, _NOT_BLUE = 0.45, 0.45, 0.25
"""Shares of a colour in a pixel of the box and of the head."""
_EVERY_PX = 2
_LEAST_BOX_PX, _LEAST_HEAD_PX = 300, 15
_FLAT_M = 0.004
"""Thickness of a face as depth noise shows it."""
_EDGE_PERCENT = 0.5


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
            near = float(np.clip(1.0 - aside / _NEAR_M, 0.0, 1.0))
            self._progress = _HELD_SHARE * float(np.clip(down, 0.0, 1.0)) * near
        low = z < facts.HEAD_IN_M + _LOW_M
        risen = opening > OPEN and z > facts.HEAD_IN_M + RISEN_M
        if self._still_s >= STILL_S and self._wait <= 0 and (low or risen):
            self._wait = _LOOK_EVERY
            return self._look(cell, evidence)
        return Verdict(success=False, progress=self._progress, evidence=evidence)

    def _look(self, cell: Cell, evidence: dict[str, float]) -> Verdict:
        found = pin_in_hole(cell)
        if found is None:
            return Verdict(success=None, progress=self._progress, evidence=evidence)
        aside_m, high_m = found
        evidence |= {"pin_aside_m": aside_m, "pin_high_m": high_m}
        success = aside_m < ASIDE_M and abs(high_m) < HIGH_M
        return Verdict(success=success, progress=1.0 if success else self._progress, evidence=evidence)


def pin_in_hole(cell: Cell) -> tuple[float, float] | None:
    """How far the pin's head is aside of and above where an inserted pin has it, metres; None if it is not seen.

    The wrist camera sees it relative to the box, so errors of the arm and of the camera's pose cancel.
    """
    seen = pin_on_box(cell.station().depth_view(CAMERA))
    if seen is None:
        return None
    expected = np.array([*objects.HOLES_M[facts.HOLE], facts.HEAD_IN_M + objects.HEAD_M / 2])
    expected -= (*objects.BOX_AT_M, objects.BOX_HEIGHT_M)
    return float(np.hypot(*(seen - expected)[:2])), float(seen[2] - expected[2])


def pin_on_box(view: DepthView) -> NDArray[np.float64] | None:
    """Middle of the head's top relative to the middle of the box's top, world axes, metres, (3,); None if unseen."""
    points, share = _points(view), _shares(view)
    blue = points[(share[:, 2] > _BLUE) & np.isfinite(points[:, 2])]
    orange = points[(share[:, 0] > _ORANGE) & (share[:, 2] < _NOT_BLUE) & np.isfinite(points[:, 2])]
    if len(blue) < _LEAST_BOX_PX or len(orange) < _LEAST_HEAD_PX:
        return None
    top = blue[np.abs(blue[:, 2] - _upper(blue[:, 2])) < _FLAT_M]
    head = orange[np.abs(orange[:, 2] - _upper(orange[:, 2])) < _FLAT_M]
    low, high = np.percentile(top[:, :2], [_EDGE_PERCENT, 100 - _EDGE_PERCENT], axis=0)
    middle = np.array([*(low + high) / 2, np.median(top[:, 2])])
    found: NDArray[np.float64] = np.array([*head[:, :2].mean(axis=0), np.median(head[:, 2])]) - middle
    return found


def _upper(heights: NDArray[np.float64]) -> float:
    """Height of the upper of the faces that were seen."""
    return float(np.percentile(heights, 80.0))


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
    """Share of red, green and blue in every other pixel, (N, 3)."""
    rgb = view.frame.rgb[::_EVERY_PX, ::_EVERY_PX].reshape(-1, 3).astype(np.float64)
    return np.asarray(rgb / np.maximum(rgb.sum(axis=1, keepdims=True), 1.0))

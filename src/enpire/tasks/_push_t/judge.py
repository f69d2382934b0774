"""The verdict, from the top camera and the joint readings alone.

It looks only when both arms are retracted and still, once at first and again when they have rested long enough: nothing
moves a block that nobody touches. At all other times the block is not at rest at its goal as far as anybody can tell.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enpire.core.records import Verdict
from enpire.environment.cell import Cell
from enpire.tasks._push_t import block
from enpire.tasks._push_t.hand import LEFT_RETRACTED, RETRACTED
from enpire.tasks._push_t.planner import cost
from enpire.tasks._push_t.sight import CAMERA, Sight, see
from enpire.tools.perception.errors import NotSeen

Array = NDArray[np.float64]

STILL_S = 0.5
"""Rest before a verdict."""
GLANCE_S = 0.1
"""Rest before the first look, which gives the progress."""
RETRACTED_RAD = 0.08
"""Largest distance of a joint reading from the retracted posture."""
STILL_RAD_S = 0.05
MARGIN_M, MARGIN_RAD = 0.00025, np.radians(0.2)
"""What the camera may be wrong by: an error must be below the tolerance by so much, or by the standard deviation of a
look where that is more. Measured in benchmarks/push_t."""
AGREE_M, AGREE_RAD = 0.0004, np.radians(0.4)
"""Largest difference of two looks that count as one."""
LOOKS = 4
"""At one rest; if no two in a row agree, it cannot tell."""
APART_S = 0.06
"""Between exposures of two looks."""
FAR_M = 0.2
"""Cost at which progress is 0."""


@dataclass
class _Rest:
    """What was seen while the arms rest."""

    steps: int = 0
    looks: int = 0
    last: Sight | None = None
    verdict: Verdict | None = None


class Judge:
    """Success: centers nearer than `tolerance_m` and yaws nearer than `tolerance_rad` to the goal, seen at rest.

    Args:
        tolerance_m, tolerance_rad: Of the task.
    """

    def __init__(self, tolerance_m: float, tolerance_rad: float) -> None:
        self._tolerance_m, self._tolerance_rad = tolerance_m, tolerance_rad
        self.begin()

    def begin(self) -> None:
        """Forget what was seen."""
        self._rest = _Rest()
        self._progress = 0.0

    def judge(self, cell: Cell) -> Verdict:
        """Verdict after one more control period."""
        if not resting(cell):
            self._rest = _Rest()
            return Verdict(success=False, progress=self._progress, evidence={"resting": 0.0})
        rest = self._rest
        rest.steps += 1
        if rest.verdict is not None:
            return rest.verdict
        rested_s = rest.steps * cell.period_s
        due = rested_s >= (STILL_S + (rest.looks - 1) * APART_S if rest.looks else GLANCE_S)
        if due and cell.age_s(CAMERA) < rested_s:
            rest.verdict = self._look(cell, rest)
        return rest.verdict or Verdict(success=False, progress=self._progress, evidence={"resting": 1.0})

    def _look(self, cell: Cell, rest: _Rest) -> Verdict | None:
        """Look once; a verdict if this look agrees with the last one, or if it was the last try."""
        rest.looks += 1
        before = rest.last
        try:
            rest.last = see(cell)
        except NotSeen:
            rest.last = None
        now = rest.last
        if now is not None:
            self._progress = float(np.clip(1.0 - cost(now.pose, np.array(block.GOAL)) / FAR_M, 0.0, 1.0))
        if now is not None and before is not None and _agree(now.pose, before.pose):
            return self._verdict(np.array([*(now.pose[:2] + before.pose[:2]) / 2, now.pose[2]]), now)
        if rest.looks < LOOKS:
            return None
        return Verdict(success=None, progress=self._progress, evidence={"resting": 1.0, "seen": 0.0})

    def _verdict(self, pose: Array, look: Sight) -> Verdict:
        goal = np.array(block.GOAL)
        away_m, turned_rad = block.error(pose, goal)
        near = away_m < self._tolerance_m - max(MARGIN_M, look.sd_m)
        success = near and turned_rad < self._tolerance_rad - max(MARGIN_RAD, look.sd_rad)
        evidence = {"distance_m": away_m, "yaw_error_rad": turned_rad, "quality": look.quality}
        evidence |= {"resting": 1.0, "seen": 1.0}
        return Verdict(success=bool(success), progress=self._progress, evidence=evidence)


def resting(cell: Cell) -> bool:
    """Whether both arms are retracted and still, by their readings."""
    for arm, posture in (("left", LEFT_RETRACTED), ("right", RETRACTED)):
        entries = cell.entries(arm)
        if np.abs(cell.state[entries][:6] - posture).max() > RETRACTED_RAD:
            return False
        if np.abs(cell.velocity[entries][:6]).max() > STILL_RAD_S:
            return False
    return True


def _agree(a: Array, b: Array) -> bool:
    away_m, turned_rad = block.error(a, b)
    return away_m < AGREE_M and turned_rad < AGREE_RAD

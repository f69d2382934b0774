"""The right arm as a round pusher: joint targets that make straight pushes on the table and clear the camera's view.

Everything is a generator of targets for the pushing arm's six joints, one per control period, so that a reset can send
them through its cell and a control through `step`.
"""

from collections.abc import Callable, Iterator

import numpy as np
from mink import SE3, SO3
from numpy.typing import NDArray

from enpire.tasks._push_t.planner import Push
from enpire.tools.control import jerk_limited
from enpire.tools.errors import Unreachable
from enpire.tools.kinematics import mink_ik
from enpire.tools.kinematics.arm import Arm

Array = NDArray[np.float64]

ARM = "right"
BASE_M = (0.0, -0.3)
"""Base of the pushing arm on the table, x and y."""
RETRACTED = (-0.7, 0.35, 0.35, 0.0, 0.0, 0.0)
"""Joints of the right arm when it leaves the top camera's view of the block free, rad."""
LEFT_RETRACTED = (0.7, 0.35, 0.35, 0.0, 0.0, 0.0)
HEIGHT_M = 0.030
"""Of the tool's origin above the table while pushing: only the round fingertips, 13 mm long, meet the block."""
OVER_M = 0.075
"""The same while it travels over the block."""
REACH_M = (0.17, 0.53)
"""Distances of the pusher from the base that the arm can work at."""
TILT_FROM_M, TILT_RAD_M = 0.44, 4.0
"""Beyond that distance the tool leans outward, by so much per metre."""
FIELD_M = ((0.10, -0.38), (0.58, 0.18))
"""Where pushes may start and end: lower and upper corner."""
SPEED_M_S = 0.06
ACCELERATION_M_S2 = 0.3
MOTION = jerk_limited.Limits(velocity=np.full(6, 1.4), acceleration=np.full(6, 7.0), jerk=np.full(6, 120.0))
LINE = jerk_limited.Limits(velocity=np.full(1, 0.2), acceleration=np.full(1, 1.2), jerk=np.full(1, 20.0))
"""Of the tool going down, back and up: m/s and its derivatives."""
BACK_M = 0.004
"""The pusher leaves the block by so much before it goes up."""
SETTLE_S = 0.2
CREEP_M_S = 0.012
"""Speed of the commanded point at the end of a push."""
MOST_LAG_M = 0.015
"""A push ends when the command is so far beyond its end."""
COAST_M = 0.002
"""What the tool still goes when the command stops; learned anew from every push."""
SIDE_GAIN_S = 2.0


def reachable(points: Array) -> NDArray[np.bool_]:
    """Which points (K, 2) of the table the pusher can work at."""
    away = np.linalg.norm(points - np.array(BASE_M), axis=1)
    inside = ((points >= FIELD_M[0]) & (points <= FIELD_M[1])).all(axis=1)
    return np.asarray(inside & (away > REACH_M[0]) & (away < REACH_M[1]))


class Hand:
    """Plans the pushing arm's motions.

    Args:
        arm: Its nominal kinematics.
        joints: Newest measured joints, rad, shape (6,).
        period_s: Of one target.

    Attributes:
        went: Where the last push began and ended by the readings, world frame, m, shape (2, 2).
    """

    def __init__(self, arm: Arm, joints: Callable[[], Array], period_s: float) -> None:
        self._arm, self._joints, self._period_s = arm, joints, period_s
        self._target = joints().copy()
        self.went = np.zeros((2, 2))
        self._coast = COAST_M

    def retract(self) -> Iterator[Array]:
        """Out of the camera's view, and until it stands still."""
        yield from self._go(np.array(RETRACTED))
        yield from self._hold(SETTLE_S)

    def push(self, push: Push) -> Iterator[Array]:
        """From wherever it is: over the start, down, along, up.

        Raises:
            Unreachable: Inverse kinematics finds no way; nothing was yielded then, or the arm is above the block.
        """
        way = push.end - push.start
        length = float(np.linalg.norm(way))
        along = way / length
        above, below = np.array([*push.start, OVER_M]), np.array([*push.start, HEIGHT_M])
        self._posture(np.array([*push.end, HEIGHT_M]), self._posture(below, None))
        yield from self._go(self._posture(above, None))
        yield from self._line(below)
        yield from self._hold(SETTLE_S)
        yield from self._press(push.start, along, length)
        back = np.array([*(self._tool()[:2] - BACK_M * along), HEIGHT_M])
        yield from self._line(back)
        yield from self._line(np.array([back[0], back[1], OVER_M]))

    def _press(self, start: Array, along: Array, length: float) -> Iterator[Array]:
        """Move the commanded point ahead until the readings say that the tool has come `length` far.

        Friction and play keep the tool behind and beside its command: what the readings show is made up for.
        """
        across = np.array([-along[1], along[0]])
        gone = start - self._tool()[:2]
        ahead, aside, speed = float(gone @ along), float(gone @ across), 0.0
        while ahead < length + MOST_LAG_M:
            behind = self._tool()[:2] - start
            if behind @ along > length - self._coast:
                break
            braking = np.sqrt(2 * ACCELERATION_M_S2 * max(length - ahead, 0.0))
            speed = min(speed + ACCELERATION_M_S2 * self._period_s, SPEED_M_S, max(braking, CREEP_M_S))
            ahead += speed * self._period_s
            aside -= SIDE_GAIN_S * float(behind @ across) * self._period_s
            self._target = self._posture(np.array([*(start + ahead * along + aside * across), HEIGHT_M]), self._target)
            yield self._target
        stopped = furthest = float((self._tool()[:2] - start) @ along)
        for target in self._hold(SETTLE_S):
            yield target
            furthest = max(furthest, float((self._tool()[:2] - start) @ along))
        self._coast += 0.5 * (furthest - stopped - self._coast)
        self.went = np.array([start, start + furthest * along])

    def _tool(self) -> Array:
        """Where the readings say that the tool is, m."""
        return np.asarray(self._arm.forward(self._joints()).translation())

    def _go(self, goal: Array) -> Iterator[Array]:
        for q in jerk_limited.move(self._target, goal, MOTION, self._period_s).q:
            self._target = q
            yield q

    def _line(self, goal: Array) -> Iterator[Array]:
        """Straight with the tool's origin to a point (3,) above the table, from rest to rest."""
        start = self._arm.forward(self._target).translation()
        length = float(np.linalg.norm(goal - start))
        law = jerk_limited.move(np.zeros(1), np.array([length]), LINE, self._period_s).q[:, 0]
        for travelled in law:
            self._target = self._posture(start + (goal - start) * (travelled / max(length, 1e-9)), self._target)
            yield self._target

    def _hold(self, seconds: float) -> Iterator[Array]:
        for _ in range(round(seconds / self._period_s)):
            yield self._target

    def _posture(self, point: Array, near: Array | None) -> Array:
        """Joints with the tool's origin at a point (3,) above the table, pointing down, far out leaning outward."""
        radial = point[:2] - np.array(BASE_M)
        away = float(np.linalg.norm(radial))
        yaw, tilt = np.arctan2(radial[1], radial[0]), TILT_RAD_M * max(away - TILT_FROM_M, 0.0)
        turn = SO3.from_z_radians(yaw) @ SO3.from_y_radians(-tilt) @ SO3.from_x_radians(np.pi)
        wanted = SE3.from_rotation_and_translation(turn, point)
        start = np.array([yaw, 2.0, 1.8, -1.2, 0.0, 0.0]) if near is None else near
        return mink_ik.reach(self._arm, wanted, start, align="approach")


__all__ = ["ARM", "LEFT_RETRACTED", "RETRACTED", "Hand", "Unreachable", "reachable"]

"""Reset by the robot: the pin comes out of its hole, is held by the head, and hovers above."""

import mink
import numpy as np

from enpire.environment.cell import Cell
from enpire.tasks._pin import facts, objects
from enpire.tasks._pin.facts import ARM
from enpire.tasks._pin.judge import pin_in_hole
from enpire.tasks._pin.skill import CLOSED, OPEN, Hand, require
from enpire.tools.kinematics import mink_ik

HEAD_WIDTH_M = (0.0065, 0.0095)
"""Between the pads when they hold the head."""
_ABOVE_M = 0.06
_SEARCH_M = 0.006
_SLIP_M = 0.006
"""A pin that was pushed up in the grip needs so much more way down; the fingers then still clear the box."""
_HIGH_M = 0.004


def bring(cell: Cell, T_world_start: mink.SE3, grip_m: float) -> None:
    """Hold the pin at a start pose, gripped `grip_m` off the middle of its head along world x.

    A pin that is still held may have slipped in the grip, so it is put into the hole first and gripped anew.

    Raises:
        ResetFailed: The pin is not where it can be gripped, or was lost on the way.
    """
    opening = float(cell.state[cell.entries(ARM)][-1])
    holds = HEAD_WIDTH_M[0] < opening * 0.096 < HEAD_WIDTH_M[1]
    hand = Hand(cell, CLOSED if holds else OPEN)
    above = _over_hole(facts.HEAD_IN_M + _ABOVE_M)
    if not holds:
        hand.grip(OPEN)
    rise = mink.SE3.from_rotation_and_translation(hand.pose.rotation(), _raised(hand.pose, above))
    hand.go(rise)
    hand.go(above)
    if holds:
        _put_back(hand)
    hand.go(_over_hole(facts.HEAD_IN_M, -grip_m), speed_m_s=0.05)
    hand.grip(CLOSED)
    require(_holds(hand), f"the gripper closed to {hand.width_m * 1e3:.1f} mm: the pin is not in its hole")
    hand.go(_over_hole(facts.HEAD_HOVER_M + 0.005, -grip_m), speed_m_s=0.05)
    require(_holds(hand), f"the gripper closed to {hand.width_m * 1e3:.1f} mm: the pin was lost on the way out")
    hand.go(T_world_start, speed_m_s=0.05)
    require(_holds(hand), f"the gripper closed to {hand.width_m * 1e3:.1f} mm: the pin was lost above the box")


def _put_back(hand: Hand) -> None:
    """A held pin into the hole; then let go."""
    hand.go(_over_hole(facts.HEAD_HOVER_M), speed_m_s=0.05)
    deep = facts.HEAD_HOVER_M - facts.HEAD_IN_M + _SLIP_M
    if hand.lower(deep, force_n=5.0) == "contact" and not _inserted(hand):
        require(hand.search(_SEARCH_M) == "found", "the pin does not find its hole")
        hand.lower(max(deep - _depth(hand), 0.001), force_n=8.0)
    hand.grip(OPEN)
    hand.go(_over_hole(facts.HEAD_IN_M + _ABOVE_M))


def _inserted(hand: Hand) -> bool:
    found = pin_in_hole(hand.cell)
    return found is not None and abs(found[1]) < _HIGH_M


def _depth(hand: Hand) -> float:
    return facts.HEAD_HOVER_M - float(hand.pose.translation()[2])


def _holds(hand: Hand) -> bool:
    return HEAD_WIDTH_M[0] < hand.width_m < HEAD_WIDTH_M[1]


def _over_hole(z_m: float, aside_m: float = 0.0) -> mink.SE3:
    x, y = objects.HOLES_M[facts.HOLE]
    return mink_ik.vertical(x + aside_m, y, z_m, facts.YAW_RAD)


def _raised(pose: mink.SE3, above: mink.SE3) -> np.ndarray:
    x, y, z = pose.translation()
    return np.array([x, y, max(z, above.translation()[2])])

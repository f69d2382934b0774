"""Reset by the robot: the pin goes into its hole, is gripped anew by the head, and hovers above.

Arm readings are millimetres off on a real-like station, so nothing relies on where things should be: the wrist camera
shows the head relative to the box before the pin goes in, and relative to the tool before it is gripped.
"""

import mink
import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import ResetFailed
from enpire.environment.cell import Cell
from enpire.tasks._pin import facts, objects
from enpire.tasks._pin.facts import ARM
from enpire.tasks._pin.judge import CAMERA, in_hole, pin_on_box
from enpire.tasks._pin.skill import CLOSED, OPEN, Hand
from enpire.tools.kinematics import mink_ik
from enpire.tools.perception import pin
from enpire.tools.perception.errors import NoDepth, NotSeen
from enpire.tools.perception.pin import Pin

Vector = NDArray[np.float64]

HEAD_WIDTH_M = (0.0065, 0.0095)
"""Between the pads when they hold the head."""
HELD_M = 0.0025
"""Between the pads when they hold any part of the pin."""
SPEED_M_S = 0.05
SEARCH_M = (0.002, 0.004, 0.008)
"""Widths of the search, from one try to the next."""
_VIEW_M = 0.055
"""Above the head of an inserted pin: from there the open hand sees the box with what stands in it."""
_CLEAR_M = 0.004
"""Tip above the box while a held pin moves sideways."""
_AIMED_M = 0.0005
_FINGERS_M = 0.012
"""The tool stays so far above the box, or the fingers touch it."""
_FALLS_M = 0.012
"""A pin whose head is at most so high above its place falls in when it is let go."""
_STRAIGHT_RAD = 0.04
"""A pin that is seen to lean less is left as it is."""
_LEAN_RAD, _OFF_M, _HIGH_M = 0.12, 0.002, 0.003
"""A start needs a pin that is seen to lean less in the grip, and to be gripped so close to where it should be along
world x and in height. Along world y the fingers have it in their middle, whatever a camera that was bumped shows."""
_APPROACHES = 4
"""Most looks on the way to the head; two at least, the last one from close by."""
_REACHED_M = 0.0008
_LOOK_S = 0.25
"""Rest before a look, so that the picture shows the pin as it stands."""


def bring(cell: Cell, T_world_start: mink.SE3, grip_m: float, camera_off_m: Vector) -> None:
    """Hold the pin at a start pose, gripped `grip_m` off the middle of its head along world x.

    A pin that is still held may have slipped in the grip, so it is put into its hole first and gripped anew.

    Args:
        cell: The station.
        T_world_start: Tool pose to end in.
        grip_m: Middle of the head minus the tool, along world x.
        camera_off_m: What `camera_off` said when the grip was known; (3,), tool frame.

    Raises:
        ResetFailed: The pin is not where it can be gripped, or was lost on the way.
    """
    hand = Hand(cell, CLOSED)
    hand.grip(CLOSED)
    for search_m in SEARCH_M:
        if hand.width_m > HELD_M:
            _put_in(hand, search_m)
            if hand.opening == CLOSED:
                continue  # not in its hole: once more, wider
        _take(hand, grip_m, camera_off_m)
        _rise(hand, objects.HOLE_DEPTH_M + facts.HOVER_M + 0.005)
        hand.go(T_world_start, speed_m_s=SPEED_M_S)
        if _ready(hand, grip_m, camera_off_m):
            return
    raise ResetFailed("the pin could not be put into its hole and gripped anew")


def _put_in(hand: Hand, search_m: float) -> None:
    """A held pin into its hole; lets go only where it is seen to stand in it."""
    seen = _look(hand)
    _rise(hand, facts.HOVER_M if seen is None else IN[2] + objects.HOLE_DEPTH_M + _CLEAR_M - seen[2])
    deep_m = _aim(hand)
    if hand.lower(deep_m, force_n=4.0) == "contact" and not _stands(hand):
        height_m = float(hand.pose.translation()[2])
        if hand.search(search_m, press_n=3.0) == "found":
            gone_m = height_m - float(hand.pose.translation()[2])
            hand.lower(min(max(objects.HOLE_DEPTH_M - gone_m, 0.001), deep_m), force_n=6.0)
    if _stands(hand):
        hand.grip(OPEN)


def _aim(hand: Hand) -> float:
    """Move a held pin until it is seen above its hole; returns how far it can go down.

    Raises:
        ResetFailed: It is not seen.
    """
    seen = None
    for turn in (_upright, _upright, _straightened, _straightened, _straightened):
        seen = _look(hand)
        if seen is None:
            raise ResetFailed("the held pin is not seen above the box")
        aside = np.array([*(IN - seen)[:2], 0.0])
        if turn is _straightened and np.linalg.norm(aside) < _AIMED_M:
            break
        hand.go(turn(hand, aside), speed_m_s=SPEED_M_S)
    assert seen is not None
    slip_m = _head(hand).head_m[2] - hand.pose.translation()[2]
    tool_above_box_m = seen[2] - objects.HEAD_M / 2 - slip_m
    return float(np.clip(min(seen[2] - IN[2] + 0.001, tool_above_box_m - _FINGERS_M), 0.0, 0.05))


def camera_off(cell: Cell, grip_m: float) -> Vector:
    """By how much the wrist camera sees a pin beside where it is, tool frame, (3,), from a pin whose grip is known.

    Zero if it is not seen. What is mounted wrongly about the camera shows in every look alike.
    """
    try:
        seen = pin.find(cell.station().depth_view(CAMERA))
    except (NotSeen, NoDepth):
        return np.zeros(3)
    pose = cell.arms[ARM].forward(cell.state[cell.entries(ARM)][:-1])
    off: Vector = pose.rotation().inverse().apply(seen.head_m - pose.translation() - (grip_m, 0.0, 0.0))
    return off


def _take(hand: Hand, grip_m: float, camera_off_m: Vector) -> None:
    """Open, look from above, and grip the head of a pin that stands in a hole.

    Raises:
        ResetFailed: No pin stands in a hole.
    """
    hand.grip(OPEN)
    height_m = facts.HEAD_IN_M + _VIEW_M
    _rise(hand, height_m - float(hand.pose.translation()[2]))
    hand.go(mink_ik.vertical(*objects.HOLES_M[facts.HOLE], height_m, facts.YAW_RAD))
    seen = _look(hand)
    if seen is None or abs(seen[2] - IN[2]) > objects.HOLE_DEPTH_M:
        raise ResetFailed("no pin stands in a hole")
    for number in range(_APPROACHES):
        way = _offset(hand, camera_off_m) - (grip_m, 0.0, 0.0)
        if number > 1 and np.abs(way).max() < _REACHED_M:
            break
        hand.go(_upright(hand, way), speed_m_s=SPEED_M_S)
        hand.cell.wait(_LOOK_S)
    hand.grip(CLOSED)


def _rise(hand: Hand, way_m: float) -> None:
    """Straight up, the tool as it is turned."""
    if way_m > 0.0:
        pose = hand.pose
        up = pose.translation() + np.array([0.0, 0.0, way_m])
        hand.go(mink.SE3.from_rotation_and_translation(pose.rotation(), up), speed_m_s=SPEED_M_S)


def _look(hand: Hand) -> Vector | None:
    hand.cell.wait(_LOOK_S)
    return pin_on_box(hand.cell.station().depth_view(CAMERA))


def _head(hand: Hand) -> Pin:
    """The head as the wrist camera shows it; relative to the tool it is a millimetre or two off.

    Raises:
        ResetFailed: It is not seen.
    """
    try:
        return pin.find(hand.cell.station().depth_view(CAMERA))
    except (NotSeen, NoDepth) as unseen:
        raise ResetFailed(str(unseen)) from unseen


def _stands(hand: Hand) -> bool:
    """Whether the pin is seen deep enough in its hole to fall in."""
    seen = _look(hand)
    return seen is not None and bool(np.linalg.norm((seen - IN)[:2]) < 0.003 and seen[2] - IN[2] < _FALLS_M)


def _offset(hand: Hand, camera_off_m: Vector) -> Vector:
    """From the tool to the middle of the head, world axes, (3,)."""
    pose = hand.pose
    off: Vector = _head(hand).head_m - pose.translation() - pose.rotation().apply(camera_off_m)
    return off


def _ready(hand: Hand, grip_m: float, camera_off_m: Vector) -> bool:
    """Whether the head is held about where it should be, and the pin is upright."""
    held = HEAD_WIDTH_M[0] < hand.width_m < HEAD_WIDTH_M[1]
    if not held:
        return False
    hand.cell.wait(_LOOK_S)
    lean = float(np.arccos(np.clip(-_head(hand).axis @ hand.pose.rotation().as_matrix()[:, 2], -1.0, 1.0)))
    off = np.abs(_offset(hand, camera_off_m) - (grip_m, 0.0, 0.0))
    return lean < _LEAN_RAD and bool(off[0] < _OFF_M and off[2] < _HIGH_M)


def _upright(hand: Hand, way: Vector) -> mink.SE3:
    """The tool so far from where it is, pointing straight down."""
    x, y, z = hand.pose.translation() + way
    return mink_ik.vertical(float(x), float(y), float(z), facts.YAW_RAD)


def _straightened(hand: Hand, way: Vector) -> mink.SE3:
    """The tool turned about the head so that the pin points straight down, and the head so far from where it is."""
    pin_now, pose = _head(hand), hand.pose
    if pin_now.tilt_rad < _STRAIGHT_RAD:
        return mink.SE3.from_rotation_and_translation(pose.rotation(), pose.translation() + way)
    about = np.cross(pin_now.axis, (0.0, 0.0, 1.0))
    turn = mink.SO3.exp(about / max(float(np.linalg.norm(about)), 1e-9) * pin_now.tilt_rad)
    place = pin_now.head_m + turn.apply(pose.translation() - pin_now.head_m) + way
    return mink.SE3.from_rotation_and_translation(turn @ pose.rotation(), place)


IN = in_hole(facts.HOLE)
"""Middle of the head's top relative to the middle of the box's top, pin inserted, (3,)."""

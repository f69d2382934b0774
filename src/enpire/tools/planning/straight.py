"""Straight paths: in joint space, and of the tool in space."""

from itertools import pairwise
from typing import Annotated

import numpy as np
from mink import SE3

from enpire.core.errors import BadInput
from enpire.tools.bounds import Joints, Path, Range
from enpire.tools.errors import NoPath, Unreachable
from enpire.tools.kinematics.arm import Arm
from enpire.tools.kinematics.mink_ik import Align, solve
from enpire.tools.planning.collisions import Box, Collisions, Near

TOOLS = ("joints", "tool", "check")

_MOST_POINTS = 400
_MOST_RAD = 7.0
_JUMP_RAD = 0.35
"""Change of a joint between neighbouring points of a tool path beyond which the arm would have to flip over."""


def joints(
    arms: tuple[Arm, ...],
    q_start: Joints,
    q_goal: Joints,
    boxes: tuple[Box, ...] = (),
    resting: dict[str, Joints] | None = None,
    margin_m: Annotated[float, Range(0.001, 0.1)] = 0.01,
    opening: Annotated[float, Range(0.0, 1.0)] = 1.0,
) -> Path:
    """The straight joint-space line between two postures, shape (2, joints), if it is free.

    Args:
        arms: Arms that move.
        q_start, q_goal: Joint positions in rad, arm after arm.
        boxes: Obstacles, and what an arm carries.
        resting: Joint positions of arms that stand still, by name; those not named stand at zero.
        margin_m: Distance to keep from table, boxes and other arms.
        opening: Of the grippers on the way.

    Raises:
        NoPath: Something is in the way; `rrt_connect.plan` may find a way round.
    """
    if q_start.shape != q_goal.shape:
        raise BadInput(f"start and goal must have as many joints, not {len(q_start)} and {len(q_goal)}")
    path = np.array([q_start, q_goal])
    near = check(arms, path, boxes, resting, margin_m, opening)
    if near is not None:
        raise NoPath(f"the straight line between start and goal is not free: {near}")
    return path


def check(
    arms: tuple[Arm, ...],
    path: Path,
    boxes: tuple[Box, ...] = (),
    resting: dict[str, Joints] | None = None,
    margin_m: Annotated[float, Range(0.001, 0.1)] = 0.01,
    opening: Annotated[float, Range(0.0, 1.0)] = 1.0,
) -> Near | None:
    """What a path meets first; null if it is free.

    Args:
        arms: Arms that move.
        path: Corners, joint positions in rad, arm after arm; straight lines between them are looked at.
        boxes: Obstacles, and what an arm carries.
        resting: Joint positions of arms that stand still, by name; those not named stand at zero.
        margin_m: Distance to keep from table, boxes and other arms.
        opening: Of the grippers on the way.
    """
    collisions = Collisions(arms, boxes, resting=resting, margin_m=margin_m, opening=opening)
    if not len(path) or path.shape[1] != len(collisions.low) or len(path) > _MOST_POINTS + 1:
        raise BadInput(f"a path has 1 to {_MOST_POINTS + 1} rows of {len(collisions.low)} joints, not {path.shape}")
    if not (np.abs(path) <= _MOST_RAD).all():
        raise BadInput(f"joint positions must lie within {_MOST_RAD:g} rad")
    near = collisions.nearest(path[0])
    hits = (collisions.between(a, b) for a, b in pairwise(path))
    return near or next((hit for hit in hits if hit is not None), None)


def tool(
    arm: Arm,
    q_start: Joints,
    T_world_tool: SE3,
    step_m: Annotated[float, Range(0.0005, 0.05)] = 0.005,
    step_rad: Annotated[float, Range(0.005, 0.5)] = 0.05,
    align: Align = "pose",
) -> Path:
    """Joint positions along which the tool moves on a straight line, turning evenly; shape (N, joints).

    Args:
        arm: Arm whose tool is meant.
        q_start: Joint positions at the start, the first row of the answer.
        T_world_tool: Where the tool ends.
        step_m, step_rad: Largest way and turn from one point to the next.
        align: Whether the turn about the approach direction matters.

    Raises:
        Unreachable: The tool cannot follow; says how far it gets.
    """
    start = arm.forward(q_start)
    way = T_world_tool.translation() - start.translation()
    turn = (T_world_tool.rotation() @ start.rotation().inverse()).log()
    length_m, angle_rad = float(np.linalg.norm(way)), float(np.linalg.norm(turn))
    count = max(1, int(np.ceil(max(length_m / step_m, angle_rad / step_rad))))
    if count > _MOST_POINTS:
        raise BadInput(f"{count} points; at most {_MOST_POINTS}: choose larger steps or a nearer goal")
    path = [np.asarray(q_start, dtype=np.float64)]
    for i in range(1, count + 1):
        found = solve(arm, between(start, T_world_tool, i / count), path[-1], align)
        jump = float(np.abs(found.q - path[-1]).max())
        if not found.reached or jump > _JUMP_RAD:
            why = (
                f"misses by {found.position_error_m * 1000:.1f} mm" if not found.reached else "would have to flip over"
            )
            raise Unreachable(
                f"{arm.name} follows {length_m * (i - 1) / count * 1000:.0f} mm of the straight line, then {why}"
            )
        path.append(found.q)
    return np.array(path)


def between(start: SE3, end: SE3, share: float) -> SE3:
    """Pose on the straight line between two poses, `share` of the way; the rotation turns evenly about one axis."""
    place = start.translation() + share * (end.translation() - start.translation())
    turn = start.rotation().interpolate(end.rotation(), share)
    return SE3.from_rotation_and_translation(turn, place)

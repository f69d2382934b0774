"""Spiral search: press lightly and slide outwards on a spiral until the tool drops into a hole.

The measured joints close the loop in the plane: where it presses, the tool sticks, and a commanded spiral of a few
millimetres alone would not move it at all.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from mink import SE3

from enpire.tools.bounds import Joints, Point, Range
from enpire.tools.control import contact
from enpire.tools.control.compensation import Period
from enpire.tools.control.contact import Bias
from enpire.tools.kinematics.arm import Arm
from enpire.tools.kinematics.mink_ik import track

TOOLS = ("start", "step")

Outcome = Literal["searching", "found", "exhausted"]
"""found: the tool is deeper than it started by `drop_m`. exhausted: the spiral is as wide as allowed."""

_PRESS_M_S_N = 0.003
"""Speed downwards per newton that is missing to the wanted force."""
_PRESS_MOST_M_S = 0.01
_DOWN_MOST_M = 0.05
_PULL_PER_S, _PULL_MOST_M = 4.0, 0.02
"""Integral of the error in the plane, and its bound."""
_JOINT_RAD_S = 2.0


@dataclass(frozen=True, kw_only=True)
class SpiralState:
    """A search under way.

    Attributes:
        T_world_start: Commanded tool pose at the start: the centre of the spiral.
        measured_m: Measured position of the tool at the start, on the surface.
        angle_rad: Along the spiral.
        radius_m: Of the spiral now.
        down_m: How far the command is below its start.
        pull_m: Added to the command in the plane (x, y) so that the tool follows; z is 0.
        q_command: Joint positions commanded last, rad.
        bias: Of the efforts in free air.
        force_n: Estimated force on the tool upwards.
        outcome: What came of it.
    """

    T_world_start: SE3
    measured_m: Point
    angle_rad: float
    radius_m: float
    down_m: float
    pull_m: Point
    q_command: Joints
    bias: Bias
    force_n: float
    outcome: Outcome


def start(arm: Arm, q_command: Joints, q_measured: Joints, bias: Bias) -> SpiralState:
    """State at the start of a search, the tool standing on the surface.

    Args:
        arm: Arm to move.
        q_command: Joint positions commanded last, rad.
        q_measured: Measured joint positions, rad.
        bias: Of the efforts in free air, e.g. that of the descent before.
    """
    return SpiralState(
        T_world_start=arm.forward(q_command),
        measured_m=arm.forward(q_measured).translation(),
        angle_rad=0.0,
        radius_m=0.0,
        down_m=0.0,
        pull_m=np.zeros(3),
        q_command=np.asarray(q_command, dtype=np.float64),
        bias=bias,
        force_n=0.0,
        outcome="searching",
    )


def step(
    state: SpiralState,
    arm: Arm,
    q_measured: Joints,
    effort: Joints,
    period_s: Period,
    press_n: Annotated[float, Range(0.5, 30.0)] = 3.0,
    pitch_m: Annotated[float, Range(0.0001, 0.01)] = 0.0008,
    radius_m: Annotated[float, Range(0.0005, 0.05)] = 0.004,
    speed_m_s: Annotated[float, Range(0.001, 0.1)] = 0.01,
    drop_m: Annotated[float, Range(0.0002, 0.05)] = 0.0015,
) -> tuple[SpiralState, Joints]:
    """One control period: the next state, and the joint positions to command, rad. After the end it holds.

    Args:
        state: After the last step.
        arm: Arm to move.
        q_measured: Measured joint positions, rad.
        effort: Measured motor efforts, Nm.
        period_s: Control period.
        press_n: Force to press with.
        pitch_m: Growth of the radius per turn.
        radius_m: Where to give up.
        speed_m_s: Along the spiral.
        drop_m: Depth below the start that means a hole.
    """
    if state.outcome != "searching":
        return state, state.q_command
    felt_n = float(contact.force(arm, q_measured, effort, state.bias)[2])
    gone_m = arm.forward(q_measured).translation() - state.measured_m
    if -gone_m[2] >= drop_m:
        return replace(state, force_n=felt_n, outcome="found"), state.q_command
    if state.radius_m >= radius_m:
        return replace(state, force_n=felt_n, outcome="exhausted"), state.q_command
    turn = speed_m_s * period_s / max(state.radius_m, pitch_m / 2)
    angle = state.angle_rad + turn
    radius = pitch_m * angle / (2 * np.pi)
    press = float(np.clip(_PRESS_M_S_N * (press_n - felt_n), -_PRESS_MOST_M_S, _PRESS_MOST_M_S))
    down = float(np.clip(state.down_m + press * period_s, -_DOWN_MOST_M, _DOWN_MOST_M))
    wanted = np.array([radius * np.cos(angle), radius * np.sin(angle), 0.0])
    pull = state.pull_m + _PULL_PER_S * period_s * (wanted - gone_m) * (1.0, 1.0, 0.0)
    pull *= min(1.0, _PULL_MOST_M / max(float(np.linalg.norm(pull)), 1e-12))
    start = state.T_world_start
    command = SE3.from_rotation_and_translation(
        start.rotation(), start.translation() + wanted + pull - (0.0, 0.0, down)
    )
    q_command = track(arm, state.q_command, command, period_s, np.full(len(arm.joints), _JOINT_RAD_S))
    return replace(
        state, angle_rad=angle, radius_m=radius, down_m=down, pull_m=pull, q_command=q_command, force_n=felt_n
    ), q_command

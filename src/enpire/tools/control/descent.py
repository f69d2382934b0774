"""Guarded descent: straight down, slowly, until something is felt or the depth is reached."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from mink import SE3

from enpire.tools.bounds import Joints, Range
from enpire.tools.control import compensation, contact
from enpire.tools.control.compensation import CompensationState, Gains, Period
from enpire.tools.control.contact import Bias, Efforts
from enpire.tools.kinematics.arm import Arm

TOOLS = ("start", "step")

Outcome = Literal["descending", "contact", "bottom", "missed"]
"""contact: felt something at or below `least_m`. bottom: went all the way and felt nothing. missed: felt something
above `least_m`, so not what was looked for."""

LEARN_S = 0.3
"""First part of the way, in free air: the bias of the efforts is learned there, with the friction of this motion."""
_GUARD = 3.0
"""While it learns, a change of the force by this many times the limit already counts as contact."""


@dataclass(frozen=True, kw_only=True)
class DescentState:
    """A descent under way.

    Attributes:
        move: The compensated move underneath.
        T_world_start: Tool pose at the start.
        elapsed_s: Since the start.
        bias: Of the efforts, as learned so far.
        force_n: Estimated force on the tool upwards; 0 while it learns.
        depth_m: Measured way down so far.
        outcome: What came of it.
    """

    move: CompensationState
    T_world_start: SE3
    elapsed_s: float
    bias: Bias
    force_n: float
    depth_m: float
    outcome: Outcome


def start(arm: Arm, q_command: Joints, q_measured: Joints, effort: Joints, efforts: Efforts = "net") -> DescentState:
    """State at the start of a descent, in free air.

    Args:
        arm: Arm to move.
        q_command: Joint positions commanded last, rad.
        q_measured: Measured joint positions, rad.
        effort: Measured motor efforts, Nm.
        efforts: What the robot's efforts contain.
    """
    move = compensation.start(arm, q_command, q_measured)
    return DescentState(
        move=move,
        T_world_start=move.T_world_reference,
        elapsed_s=0.0,
        bias=contact.free_air(arm, q_measured, effort, efforts),
        force_n=0.0,
        depth_m=0.0,
        outcome="descending",
    )


def step(
    state: DescentState,
    arm: Arm,
    q_measured: Joints,
    effort: Joints,
    period_s: Period,
    depth_m: Annotated[float, Range(0.0, 0.5)],
    speed_m_s: Annotated[float, Range(0.001, 0.1)] = 0.02,
    force_n: Annotated[float, Range(0.5, 50.0)] = 4.0,
    least_m: Annotated[float, Range(0.0, 0.5)] = 0.0,
) -> tuple[DescentState, Joints]:
    """One control period: the next state, and the joint positions to command, rad. After the end it holds.

    Args:
        state: After the last step.
        arm: Arm to move.
        q_measured: Measured joint positions, rad.
        effort: Measured motor efforts, Nm.
        period_s: Control period.
        depth_m: How far to go at most.
        speed_m_s: Speed downwards.
        force_n: Force upwards that counts as contact.
        least_m: Depth above which contact is not the expected one.
    """
    if state.outcome != "descending":
        return state, state.move.q_command
    learning = state.elapsed_s < LEARN_S
    felt_n = float(contact.force(arm, q_measured, effort, state.bias)[2])
    gone_m = float(state.T_world_start.translation()[2] - arm.forward(q_measured).translation()[2])
    if felt_n > force_n * (_GUARD if learning else 1.0):
        outcome: Outcome = "contact" if gone_m >= least_m else "missed"
        return replace(state, force_n=felt_n, depth_m=gone_m, outcome=outcome), state.move.q_command
    target = _lowered(state.T_world_start, depth_m)
    gains = Gains(speed_m_s=speed_m_s, freeze_n=0.5 * force_n)
    shown_n = 0.0 if learning else max(0.0, felt_n)
    move, q_command = compensation.step(state.move, arm, q_measured, target, period_s, shown_n, gains)
    bottom = move.T_world_reference is target and gone_m >= depth_m - 0.001
    return DescentState(
        move=move,
        T_world_start=state.T_world_start,
        elapsed_s=state.elapsed_s + period_s,
        bias=_learned(state, arm, q_measured, effort, period_s) if learning else state.bias,
        force_n=shown_n,
        depth_m=gone_m,
        outcome="bottom" if bottom else "descending",
    ), q_command


def _learned(state: DescentState, arm: Arm, q_measured: Joints, effort: Joints, period_s: float) -> Bias:
    """Mean over the second half of the time to learn; the first half is the start of the motion."""
    now = contact.free_air(arm, q_measured, effort, state.bias.efforts)
    seen = np.floor((state.elapsed_s - LEARN_S / 2) / period_s + 1e-9)  # readings in the mean so far
    if seen < 1:
        return now
    return replace(now, torque=state.bias.torque + (now.torque - state.bias.torque) / (seen + 1))


def _lowered(pose: SE3, depth_m: float) -> SE3:
    return SE3.from_rotation_and_translation(pose.rotation(), pose.translation() - np.array([0.0, 0.0, depth_m]))

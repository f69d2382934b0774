"""The compensated Cartesian move: the tool goes where it should although the arm sags, sticks and lags.

A position-controlled arm stops where motor gain times joint error balances friction and unmodelled weight, millimetres
off. Measured joints show by how much, and the integral and a share of that error are added to the command. It works
joint by joint, because dry friction does: correcting the tool as a whole makes the joints push each other to and fro.
It is bounded, and frozen in contact, where the error is not the arm's fault and integrating it would press ever harder.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from mink import SE3, SO3
from numpy.typing import NDArray

from enpire.tools.bounds import Joints, Range
from enpire.tools.kinematics.arm import Arm
from enpire.tools.kinematics.mink_ik import track

TOOLS = ("start", "step")

Period = Annotated[float, Range(0.001, 0.2)]


@dataclass(frozen=True, kw_only=True)
class CompensationState:
    """A compensated move under way.

    Attributes:
        T_world_reference: Where the tool should be now, on its way to the target.
        q_reference: Joint positions that bring it there, rad.
        correction: Added to them to get the command, rad.
        error: Of the joints at the last step, rad.
        q_command: Joint positions commanded last, rad.
        position_error_m, rotation_error_rad: Measured tool to target, at the last step.
        within_s: How long the reference has been at the target and both errors within tolerance.
        arrived: Whether that is long enough.
    """

    T_world_reference: SE3
    q_reference: Joints
    correction: Joints
    error: Joints
    q_command: Joints
    position_error_m: float
    rotation_error_rad: float
    within_s: float
    arrived: bool


@dataclass(frozen=True, kw_only=True)
class Gains:
    """How a compensated move behaves.

    Attributes:
        speed_m_s, turn_rad_s: Of the reference.
        joint_rad_s: Largest speed of each joint.
        integral_per_s: Share of a joint's error added to its command per second.
        proportional: Share of the error added at once; it damps the integral where friction makes the joint creep.
        lag_s: By how much the arm is known to trail a moving reference; that part is no error.
        enough_rad: Errors below are left alone; with dry friction, integrating them would hunt for ever.
        most_rad: Bound of the correction of a joint.
        freeze_n: Tip force above which the correction stays as it is.
        tolerance_m, tolerance_rad, settle_s: When it has arrived: within both for so long.
    """

    speed_m_s: Annotated[float, Range(0.001, 1.0)] = 0.1
    turn_rad_s: Annotated[float, Range(0.01, 4.0)] = 1.0
    joint_rad_s: Annotated[float, Range(0.01, 10.0)] = 2.0
    integral_per_s: Annotated[float, Range(0.0, 20.0)] = 3.0
    proportional: Annotated[float, Range(0.0, 2.0)] = 1.0
    lag_s: Annotated[float, Range(0.0, 0.5)] = 0.08
    enough_rad: Annotated[float, Range(0.0, 0.1)] = 0.0003
    most_rad: Annotated[float, Range(0.0, 0.5)] = 0.1
    freeze_n: Annotated[float, Range(0.0, 50.0)] = 2.0
    tolerance_m: Annotated[float, Range(0.0, 0.1)] = 0.0003
    tolerance_rad: Annotated[float, Range(0.0, 1.0)] = 0.005
    settle_s: Annotated[float, Range(0.0, 5.0)] = 0.2


def start(arm: Arm, q_command: Joints, q_measured: Joints) -> CompensationState:
    """State from which the first command equals the one now in force, so nothing jerks.

    Args:
        arm: Arm to move.
        q_command: Joint positions commanded last, rad.
        q_measured: Measured joint positions, rad.
    """
    command, measured = (np.asarray(q, dtype=np.float64) for q in (q_command, q_measured))
    return CompensationState(
        T_world_reference=arm.forward(measured),
        q_reference=measured,
        correction=command - measured,
        error=np.zeros(len(arm.joints)),
        q_command=command,
        position_error_m=0.0,
        rotation_error_rad=0.0,
        within_s=0.0,
        arrived=False,
    )


def step(
    state: CompensationState,
    arm: Arm,
    q_measured: Joints,
    T_world_target: SE3,
    period_s: Period,
    tip_force_n: Annotated[float, Range(0.0, 1e4)] = 0.0,
    gains: Gains = Gains(),
) -> tuple[CompensationState, Joints]:
    """One control period: the next state, and the joint positions to command, rad.

    Args:
        state: After the last step.
        arm: Arm to move.
        q_measured: Measured joint positions, rad.
        T_world_target: Where the tool should end.
        period_s: Control period.
        tip_force_n: Estimated force on the tool; see `contact.force`.
        gains: How it behaves.
    """
    reference = _towards(
        state.T_world_reference, T_world_target, gains.speed_m_s * period_s, gains.turn_rad_s * period_s
    )
    speeds = np.full(len(arm.joints), gains.joint_rad_s)
    q_reference = track(arm, state.q_reference, reference, period_s, speeds)
    trailing = (q_reference - state.q_reference) * (gains.lag_s / period_s)
    error = q_reference - trailing - q_measured
    correction = state.correction
    if tip_force_n <= gains.freeze_n:
        taken_up = np.where(np.abs(error) > gains.enough_rad, error, 0.0) * min(1.0, gains.integral_per_s * period_s)
        correction = correction + taken_up + gains.proportional * (error - state.error)
        correction = np.clip(correction, -gains.most_rad, gains.most_rad)
    q_command = np.clip(q_reference + correction, arm.low, arm.high)
    measured = arm.forward(q_measured)
    left = _error(T_world_target, measured)
    position_m, rotation_rad = float(np.linalg.norm(left[:3])), float(np.linalg.norm(left[3:]))
    at_target = np.abs(_error(T_world_target, reference)).max() < 1e-9
    within = at_target and position_m <= gains.tolerance_m and rotation_rad <= gains.tolerance_rad
    within_s = state.within_s + period_s if within else 0.0
    return CompensationState(
        T_world_reference=reference,
        q_reference=q_reference,
        correction=correction,
        error=error,
        q_command=q_command,
        position_error_m=position_m,
        rotation_error_rad=rotation_rad,
        within_s=within_s,
        arrived=within_s > 0.0 and within_s >= gains.settle_s,
    ), q_command


def _error(wanted: SE3, real: SE3) -> NDArray[np.float64]:
    """From one pose to another: x, y, z in m and a rotation vector in rad, world axes, shape (6,)."""
    turn = (wanted.rotation() @ real.rotation().inverse()).log()
    return np.concatenate([wanted.translation() - real.translation(), turn])


def _towards(pose: SE3, target: SE3, way_m: float, turn_rad: float) -> SE3:
    left = _error(target, pose)
    length_m, angle_rad = float(np.linalg.norm(left[:3])), float(np.linalg.norm(left[3:]))
    share = min(1.0, way_m / max(length_m, 1e-12), turn_rad / max(angle_rad, 1e-12))
    if share == 1.0:
        return target
    return SE3.from_rotation_and_translation(
        SO3.exp(left[3:] * share) @ pose.rotation(), pose.translation() + share * left[:3]
    )

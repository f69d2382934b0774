"""The force on a tool, estimated from motor efforts: what they are in contact minus what they were in free air."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import BadInput
from enpire.tools.bounds import Joints, Point
from enpire.tools.kinematics.arm import Arm

TOOLS = ("free_air", "force")

Efforts = Literal["net", "total"]
"""net: efforts are what the motors add to gravity compensation. total: they carry the weight of the arm as well."""

_LEAST_NM = 0.02
_DAMPING = 1e-4


@dataclass(frozen=True, kw_only=True)
class Bias:
    """Joint torques that the model does not explain, in free air, Nm: friction, and the weight it does not know."""

    torque: Joints
    efforts: Efforts


def free_air(arm: Arm, q: Joints, effort: Joints, efforts: Efforts = "net") -> Bias:
    """Bias from one reading in free air. Readings taken in the motion that follows are best: friction has its sign.

    Args:
        arm: Arm whose tool is meant.
        q: Measured joint positions, rad.
        effort: Measured motor efforts, Nm.
        efforts: What the robot's efforts contain.
    """
    _fit(arm, effort)
    return Bias(torque=effort - arm.gravity(q) if efforts == "total" else effort, efforts=efforts)


def force(arm: Arm, q: Joints, effort: Joints, bias: Bias) -> Point:
    """Force of the world on the tool, world frame, N, shape (3,): the least-squares fit of J_v^T f to the torques.

    Joints with less friction in the model count more. A torque on the tool is taken for a force: what the tool holds
    must be short. At a standstill the estimate is off by up to the dry friction: 1 to 2 N for a YAM arm.

    Args:
        arm: Arm whose tool is meant.
        q: Measured joint positions, rad.
        effort: Measured motor efforts, Nm.
        bias: From free air.
    """
    _fit(arm, effort, bias.torque)
    outside = bias.torque - effort + (arm.gravity(q) if bias.efforts == "total" else 0.0)
    weight = 1.0 / np.maximum(arm.model.dof_frictionloss[arm.dofs], _LEAST_NM) ** 2
    linear = arm.jacobian(q)[:3]  # (3, n)
    normal = (linear * weight) @ linear.T
    fitted: NDArray[np.float64] = np.linalg.solve(
        normal + _DAMPING * np.trace(normal) * np.eye(3), (linear * weight) @ outside
    )
    return fitted


def _fit(arm: Arm, *torques: NDArray[np.float64]) -> None:
    if any(torque.shape != arm.low.shape for torque in torques):
        raise BadInput(f"{arm.name} has {len(arm.joints)} joints; efforts and bias need as many values in Nm")

"""Where the values of an action live in a MuJoCo model, and in which units."""

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from enpire.core.errors import BadInput

Vector = NDArray[np.float64]
Indices = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class Value:
    """One value of an action.

    Attributes:
        joint, actuator: Names in the model.
        zero: Joint coordinate at value 0.
        joint_per, control_per: Joint coordinate and actuator target per unit of the value.
        force_per: Actuator force per unit of effort.
        stroke_joints: All joints that move with it, for a failure that blocks them.
    """

    joint: str
    actuator: str
    zero: float = 0.0
    joint_per: float = 1.0
    control_per: float = 1.0
    force_per: float = 1.0
    stroke_joints: tuple[str, ...] = ()


class Layout:
    """Indices and factors of the values of a robot, and damping over stiffness of its motors, each of shape (A,).

    Raises:
        BadInput: The model lacks a joint or an actuator.
    """

    def __init__(self, model: mujoco.MjModel, values: tuple[Value, ...]) -> None:
        joints = [_id(model, mujoco.mjtObj.mjOBJ_JOINT, v.joint) for v in values]
        self.position: Indices = model.jnt_qposadr[joints].copy()
        self.velocity: Indices = model.jnt_dofadr[joints].copy()
        self.actuator: Indices = np.array(
            [_id(model, mujoco.mjtObj.mjOBJ_ACTUATOR, v.actuator) for v in values], np.int32
        )
        self.moving: tuple[Indices, ...] = tuple(
            np.array([_id(model, mujoco.mjtObj.mjOBJ_JOINT, j) for j in v.stroke_joints or (v.joint,)], np.int32)
            for v in values
        )
        self.joint_zero: Vector = np.array([v.zero for v in values])
        self.joint_per: Vector = np.array([v.joint_per for v in values])
        self.control_zero: Vector = self.joint_zero * np.array([v.control_per / v.joint_per for v in values])
        self.control_per: Vector = np.array([v.control_per for v in values])
        self.force_per: Vector = np.array([v.force_per for v in values])
        stiffness, damping = model.actuator_biasprm[self.actuator, 1:3].T
        self.lag_s: Vector = damping / stiffness


def numbers(action: ArrayLike, names: tuple[str, ...]) -> Vector:
    """A copy of an action as float64, shape (A,).

    Raises:
        BadInput: Wrong shape, no numbers, or a value is not finite.
    """
    values: NDArray[Any] = np.asarray(action)
    if values.shape != (len(names),) or values.dtype.kind not in "fiu":
        raise BadInput(f"an action is {len(names)} numbers, not {values.dtype} of shape {values.shape}")
    checked = values.astype(np.float64)
    if not np.isfinite(checked).all():
        wrong = [f"{n}={v}" for n, v in zip(names, checked, strict=True) if not np.isfinite(v)]
        raise BadInput(f"not finite: {', '.join(wrong)}; nothing was sent")
    return checked


def _id(model: mujoco.MjModel, kind: mujoco.mjtObj, name: str) -> int:
    found: int = mujoco.mj_name2id(model, kind, name)
    if found < 0:
        raise BadInput(f"the scene has no {kind.name[6:].lower()} {name!r}; build it with the arm to be driven")
    return found

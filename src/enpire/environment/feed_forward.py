"""What motors must be told so that the arms are where they are commanded to be."""

from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import BadInput
from enpire.environment.safety.gate import Command

Vector = NDArray[np.float64]


class FeedForward:
    """Leads a command by what its motion costs the motors.

    A motor pulls with `stiffness * (target - position) - damping * velocity`. Told only where to be, an arm in motion
    is late by damping / stiffness, and on its way to rest it swings: its joints are late by different times, so the
    hand leaves the commanded path. The target that makes up for both is

        target = command + (damping * velocity + torque) / stiffness

    with the torque that moves the nominal arms with the velocity and acceleration of the command, gravity and friction
    left out (recursive Newton-Euler, `mj_rne`). The same as a velocity target and a feed-forward torque on a motor
    that takes them.

    Args:
        model: The arms alone, as they are meant to be. Its gravity is switched off.
        arms: Names in the order of the action; joints `NAME_joint1`.. and one gripper each, which is not led.
        stiffness, damping: Of each joint of an arm, Nm/rad and Nm s/rad.
        share: Of the lead; 0 tells the motors the command.

    Raises:
        BadInput: As many gains as joints are needed.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        arms: Sequence[str],
        stiffness: Sequence[float],
        damping: Sequence[float],
        share: float = 1.0,
    ) -> None:
        names = [f"{arm}_joint{i + 1}" for arm in arms for i in range(len(stiffness))]
        if len(stiffness) != len(damping) or len(names) + 2 * len(arms) != model.njnt:
            raise BadInput(f"{len(stiffness)} and {len(damping)} gains do not fit the {model.njnt} joints of the model")
        self._model, self._data = model, mujoco.MjData(model)
        model.opt.gravity[:] = 0.0
        size = len(stiffness) + 1
        self._values = np.array([i for i in range(size * len(arms)) if i % size < len(stiffness)])
        self._dofs = np.array([int(model.joint(name).dofadr[0]) for name in names])
        self._stiffness, self._damping = np.tile(stiffness, len(arms)), np.tile(damping, len(arms))
        self._armature = model.dof_armature[self._dofs]
        self._torque, self._share = np.zeros(model.nv), share

    def target(self, command: Command) -> Vector:
        """What to tell the motors for this tick, shape (A,)."""
        target = command.position.copy()
        if not command.velocity.any() and not command.acceleration.any():
            return target
        model, data, values, dofs = self._model, self._data, self._values, self._dofs
        velocity, acceleration = command.velocity[values], command.acceleration[values]
        data.qpos[dofs], data.qvel[dofs], data.qacc[dofs] = command.position[values], velocity, acceleration
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_comVel(model, data)
        mujoco.mj_rne(model, data, 1, self._torque)
        torque = self._torque[dofs] + self._armature * acceleration
        target[values] += self._share * (self._damping * velocity + torque) / self._stiffness
        return target

"""One arm inside a robot model: where its tool is for given joints, and how the tool moves when they move."""

import mujoco
import numpy as np
from mink import SE3, SO3
from numpy.typing import NDArray

from enpire.core.errors import BadInput, UnknownName


class Arm:
    """A view on one arm of a robot-only model, in which other joints rest at their reference position.

    Everything it answers follows from the arguments alone. The scratch data inside makes it unfit for several threads.

    Args:
        model: Robot without a scene: joints `<name>_joint1` ... in order, body `<name>_link<last>`, site `<name>_tool`.
        name: Arm name, e.g. `left`.

    Attributes:
        joints: Joint names.
        low, high: Joint limits in rad, shape (n,).
        qpos, dofs: Places of the joints in the model's `qpos` and `qvel`, shape (n,).
        site: Id of the tool site: origin between the fingertips, +z along the approach, +x along the closing direction.

    Raises:
        UnknownName: The model has no such arm.
    """

    def __init__(self, model: mujoco.MjModel, name: str) -> None:
        known = [model.joint(i).name for i in range(model.njnt)]
        count = next(k for k in range(len(known) + 1) if f"{name}_joint{k + 1}" not in known)
        if not count:
            arms = {joint.removesuffix("_joint1") for joint in known if joint.endswith("_joint1")}
            raise UnknownName("arm", name, arms)
        self.model, self.name = model, name
        self.joints = tuple(f"{name}_joint{k + 1}" for k in range(count))
        ids = [model.joint(joint).id for joint in self.joints]
        self.qpos: NDArray[np.int32] = model.jnt_qposadr[ids].copy()
        self.dofs: NDArray[np.int32] = model.jnt_dofadr[ids].copy()
        self.low, self.high = (model.jnt_range[ids, side].copy() for side in (0, 1))
        self.site: int = model.site(f"{name}_tool").id
        self._link: int = model.body(f"{name}_link{count}").id
        self._data = mujoco.MjData(model)
        self._linear, self._angular = (np.zeros((3, model.nv)) for _ in range(2))
        for array in (self.qpos, self.dofs, self.low, self.high):
            array.flags.writeable = False

    def forward(self, q: NDArray[np.float64]) -> SE3:
        """T_world_tool for joint positions in rad, shape (n,).

        Raises:
            BadInput: Wrong shape, or a value is not finite.
        """
        self._place(q)
        return _pose(self._data.site_xpos[self.site], self._data.site_xmat[self.site])

    def last_link(self, q: NDArray[np.float64]) -> SE3:
        """T_world_link of the last link, which carries the wrist camera, for joint positions in rad, shape (n,)."""
        self._place(q)
        return _pose(self._data.xpos[self._link], self._data.xmat[self._link])

    def jacobian(self, q: NDArray[np.float64]) -> NDArray[np.float64]:
        """Twist of the tool per joint velocity, at its origin in world axes, shape (6, n): m/rad, then rad/rad."""
        self._place(q)
        mujoco.mj_comPos(self.model, self._data)
        mujoco.mj_jacSite(self.model, self._data, self._linear, self._angular, self.site)
        return np.vstack([self._linear[:, self.dofs], self._angular[:, self.dofs]])

    def gravity(self, q: NDArray[np.float64]) -> NDArray[np.float64]:
        """Joint torques that hold the arm still against gravity by the nominal masses, Nm, shape (n,)."""
        self._place(q)
        mujoco.mj_comPos(self.model, self._data)
        self._data.qvel[:] = 0.0
        mujoco.mj_comVel(self.model, self._data)
        mujoco.mj_rne(self.model, self._data, 0, self._data.qfrc_bias)
        return np.asarray(self._data.qfrc_bias[self.dofs])

    def _place(self, q: NDArray[np.float64]) -> None:
        if np.shape(q) != self.low.shape or not np.isfinite(q).all():
            raise BadInput(f"{self.name} needs {len(self.joints)} finite joint positions in rad, not {q!r}")
        self._data.qpos[self.qpos] = q
        mujoco.mj_kinematics(self.model, self._data)


def _pose(position: NDArray[np.float64], matrix: NDArray[np.float64]) -> SE3:
    quat_wxyz = np.empty(4)
    mujoco.mju_mat2Quat(quat_wxyz, matrix)
    return SE3.from_rotation_and_translation(SO3(quat_wxyz), position.copy())

"""How far the links of the arms are from what they must not reach: box, table, the other arm.

Margins are exact for the shapes of the nominal model: extents of geoms along the world's axes, distances between geoms
from MuJoCo. Between two poses no point of an arm moves further than the sum of |dq_i| times the reach of joint i, so a
margin known at one pose proves a whole neighbourhood free without looking again.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import BadInput
from enpire.environment.safety.limits import SafetyLimits
from enpire.environment.safety.own_links import OwnLinks

Vector = NDArray[np.float64]
_FAR_M = 0.15


class _Arm(NamedTuple):
    """One arm: its links among themselves; indices of its moving geoms, of those that rise and fall and of the hand;
    its values.
    """

    own: OwnLinks
    geoms: NDArray[np.int32]
    rising: NDArray[np.int32]
    hand: NDArray[np.int32]
    values: slice


class _Driven(NamedTuple):
    """A joint of the model that follows a value of the action: `scale * value + offset`."""

    joint: int
    address: int
    value: int
    scale: float
    offset: float


class Clearance:
    """Margins of a pose and what they prove about others.

    A pose is a vector of shape (A,) in the order of the action: per arm its joints in rad and the gripper's opening.
    The margins are a vector of shape (M,) in metres, negative when broken: for each arm `workspace` (hand and fingers
    in the box) and `table` (above it all links that can go up or down), then `clearance` for each pair of arms, then
    `own` for each arm (distance of its links from each other).

    Args:
        model: The arms alone, as they are meant to be; never the simulated station.
        arms: Names in the order of the action, e.g. `("left", "right")`.
        limits: Box, table and least distances, each with its margin.

    Attributes:
        kinds: Name of each margin, length M.
        concerns: For each margin, which values of the action belong to it; bool, shape (M, A).
        weights: Most metres that each margin falls per unit of each value, shape (M, A).
        grippers: Index of each gripper in the action.
        evaluations: Poses at which margins were computed so far.

    Raises:
        BadInput: The model has no such arm.
    """

    def __init__(self, model: mujoco.MjModel, arms: Sequence[str], limits: SafetyLimits) -> None:
        self._model, self._data = model, mujoco.MjData(model)
        self._box_low = np.array(limits.box_low_m) + limits.box_margin_m
        self._box_high = np.array(limits.box_high_m) - limits.box_margin_m
        self._table_m = limits.table_m + limits.table_margin_m
        self._apart_m = limits.clearance_m + limits.clearance_margin_m
        self._own_m = limits.own_clearance_m + limits.own_margin_m
        self._sides, self._radii, self._disks = _extents(model)
        self.evaluations = 0
        self.grippers: list[int] = []
        self._map: list[_Driven] = []
        self._arms = [self._find(name) for name in arms]
        self._to_joints, self._joints_at_zero = np.zeros((self.size, model.nq)), np.zeros(model.nq)
        for driven in self._map:
            self._to_joints[driven.value, driven.address] = driven.scale
            self._joints_at_zero[driven.address] = driven.offset
        self.kinds = (
            ("workspace", "table") * len(arms)
            + ("clearance",) * len(list(combinations(arms, 2)))
            + ("own",) * len(arms)
        )
        self.concerns, self.weights = self._reaches()

    @property
    def size(self) -> int:
        """Values of a pose, A."""
        return self.grippers[-1] + 1

    def margins(self, poses: Vector) -> Vector:
        """Margins at poses of shape (T, A), shape (T, M)."""
        self.evaluations += len(poses)
        model, data = self._model, self._data
        joints = poses @ self._to_joints + self._joints_at_zero
        places = np.empty((len(poses), model.ngeom, 3))
        axes = np.empty((len(poses), model.ngeom, 9))
        found = np.full((len(poses), len(self.kinds)), np.inf)
        first_own = len(self.kinds) - len(self._arms)
        for row, values in enumerate(joints):
            data.qpos[:] = values
            mujoco.mj_kinematics(model, data)
            places[row], axes[row] = data.geom_xpos, data.geom_xmat
            found[row, first_own:] = [arm.own.distance(data) - self._own_m for arm in self._arms]  # clamp: own links
        extent = (np.abs(axes.reshape(*places.shape, 3)) @ self._sides)[..., 0]
        if self._disks.any():
            extent += self._disks * np.sqrt(np.maximum(1.0 - axes[:, :, 2::3] ** 2, 0.0))
        low, high = places - extent - self._radii, places + extent + self._radii
        for i, arm in enumerate(self._arms):
            above = (low[:, arm.hand] - self._box_low).min(axis=(1, 2))
            below = (self._box_high - high[:, arm.hand]).min(axis=(1, 2))
            found[:, 2 * i] = np.minimum(above, below)  # clamp: workspace
            found[:, 2 * i + 1] = low[:, arm.rising, 2].min(axis=1) - self._table_m  # clamp: table
        for i, (a, b) in enumerate(combinations(self._arms, 2), 2 * len(self._arms)):
            found[:, i] = self._between(a, b, places, joints) - self._apart_m  # clamp: distance
        return found

    def loss(self, way: Vector) -> Vector:
        """Most that each margin can fall when values move by at most `way` >= 0, shape (M,)."""
        lost: Vector = self.weights @ way
        return lost

    def _between(self, a: _Arm, b: _Arm, places: Vector, joints: Vector) -> Vector:
        """Distance of two arms at each pose, or where it is large a lower bound; shape (T,)."""
        radius, first, second = self._model.geom_rbound, places[:, a.geoms], places[:, b.geoms]
        squares = np.square(first).sum(axis=2)[:, :, None] + np.square(second).sum(axis=2)[:, None, :]
        squares -= 2.0 * first @ second.transpose(0, 2, 1)
        bounds = np.sqrt(np.maximum(squares, 0.0)) - radius[a.geoms][:, None] - radius[b.geoms]
        least: Vector = bounds.min(axis=(1, 2))
        for row in np.flatnonzero(least < self._apart_m + _FAR_M):
            least[row] = self._exactly(a, b, bounds[row], joints[row])
        return least

    def _exactly(self, a: _Arm, b: _Arm, bounds: Vector, joints: Vector) -> float:
        """Distance of two arms at one pose, at most the clearance plus `_FAR_M`."""
        model, data = self._model, self._data
        data.qpos[:] = joints
        mujoco.mj_kinematics(model, data)
        least = self._apart_m + _FAR_M
        near = np.argwhere(bounds < least)
        for i, j in near[np.argsort(bounds[bounds < least])].tolist():
            if bounds[i, j] >= least:
                break
            least = min(least, mujoco.mj_geomDistance(model, data, a.geoms[i], b.geoms[j], least, None))
        return least

    def _find(self, name: str) -> _Arm:
        """Index an arm; extends the map from values to joints."""
        model, first = self._model, self.grippers[-1] + 1 if self.grippers else 0
        joints = [f"{name}_joint{i}" for i in range(1, 16)]
        joints = [j for j in joints if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_JOINT, j) >= 0]
        fingers = [f"{name}_slide{i}" for i in (1, 2)] + [f"{name}_gripper"]
        fingers = [j for j in fingers if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_JOINT, j) >= 0]
        if not joints or not fingers:
            every = [str(model.joint(i).name) for i in range(model.njnt)]
            known = sorted(j.removesuffix("_joint1") for j in every if j.endswith("_joint1"))
            raise BadInput(f"the model has no arm {name!r} with joints and a gripper; it has: {', '.join(known)}")
        for i, joint in enumerate(joints):
            self._drive(joint, first + i, 1.0, 0.0)
        for finger in fingers:
            closed, opened = model.joint(finger).range
            self._drive(finger, first + len(joints), opened - closed, closed)
        self.grippers.append(first + len(joints))
        root = int(model.joint(joints[0]).bodyid[0])
        moving = _subtree(model, root)
        rising = [b for b in moving if b != root] if _turns_about_vertical(model, model.joint(joints[0]).id) else moving
        hand = _subtree(model, int(model.site(f"{name}_tool").bodyid[0]))
        values = slice(first, first + len(joints) + 1)
        own = OwnLinks(model, [int(model.body_parentid[root]), *moving])
        return _Arm(own, _geoms_of(model, moving), _geoms_of(model, rising), _geoms_of(model, hand), values)

    def _drive(self, joint: str, value: int, scale: float, offset: float) -> None:
        found = self._model.joint(joint)
        self._map.append(_Driven(found.id, int(found.qposadr[0]), value, scale, offset))

    def _reaches(self) -> tuple[NDArray[np.bool_], Vector]:
        """Which values each margin depends on, and metres per unit of each value."""
        reach, height = np.zeros(self.size), np.zeros(self.size)
        for joint, _, value, scale, _ in self._map:
            furthest = _reach(self._model, joint) * abs(scale)
            reach[value] = max(reach[value], furthest)
            height[value] = max(height[value], 0.0 if _turns_about_vertical(self._model, joint) else furthest)
        rows, weights = [], []
        for arm in self._arms:
            own = np.zeros(self.size, dtype=bool)
            own[arm.values] = True
            rows += [own, own]
            weights += [own * reach, own * height]
        for a, b in combinations(range(len(self._arms)), 2):
            rows.append(rows[2 * a] | rows[2 * b])
            weights.append(rows[-1] * reach)
        for i, arm in enumerate(self._arms):
            rows.append(rows[2 * i])
            weights.append(rows[2 * i] * np.minimum(reach, self._behind(arm)))
        return np.array(rows), np.array(weights)

    def _behind(self, arm: _Arm) -> Vector:
        """Most that the distance of links of one arm changes per unit of each value because of what is behind it, m."""
        behind = np.zeros(self.size)
        for joint, _, value, scale, _ in self._map:
            slide = self._model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_SLIDE
            behind[value] = max(behind[value], abs(scale) if slide else arm.own.behind[joint])
        return behind


def _extents(model: mujoco.MjModel) -> tuple[Vector, Vector, Vector]:
    """Per geom: half sides of its core box (G, 3, 1), radius all around (G, 1), radius of a disk (G, 1)."""
    sides, radii, disks = np.zeros((model.ngeom, 3, 1)), np.zeros((model.ngeom, 1)), np.zeros((model.ngeom, 1))
    for i in range(model.ngeom):
        kind, size = model.geom_type[i], model.geom_size[i]
        if kind == mujoco.mjtGeom.mjGEOM_SPHERE:
            radii[i] = size[0]
        elif kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
            radii[i], sides[i, 2] = size[0], size[1]
        elif kind == mujoco.mjtGeom.mjGEOM_CYLINDER:
            disks[i], sides[i, 2] = size[0], size[1]
        elif kind == mujoco.mjtGeom.mjGEOM_BOX:
            sides[i, :, 0] = size
        else:  # its box in its own frame, wherever that is centred
            sides[i, :, 0] = np.abs(model.geom_aabb[i, :3]) + model.geom_aabb[i, 3:]
    return sides, radii, disks


def _subtree(model: mujoco.MjModel, root: int) -> list[int]:
    bodies = {root}
    for body in range(root + 1, model.nbody):
        if int(model.body_parentid[body]) in bodies:
            bodies.add(body)
    return sorted(bodies)


def _geoms_of(model: mujoco.MjModel, bodies: list[int]) -> NDArray[np.int32]:
    return np.flatnonzero(np.isin(model.geom_bodyid, bodies)).astype(np.int32)


def _reach(model: mujoco.MjModel, joint: int) -> float:
    """Metres that any point behind a joint moves at most, per rad of a hinge or metre of a slide."""
    if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_SLIDE:
        return 1.0
    root = int(model.jnt_bodyid[joint])
    far, furthest = {root: float(np.linalg.norm(model.jnt_pos[joint]))}, 0.0
    for body in _subtree(model, root):
        if body != root:
            parent = int(model.body_parentid[body])
            far[body] = far[parent] + float(np.linalg.norm(model.body_pos[body])) + _play(model, body)
        for geom in _geoms_of(model, [body]):
            out = float(np.linalg.norm(model.geom_pos[geom]) + model.geom_rbound[geom])
            furthest = max(furthest, far[body] + out)
    return furthest


def _play(model: mujoco.MjModel, body: int) -> float:
    """How far the origin of a body can be from where it is drawn in its parent, m."""
    far = 0.0
    for joint in range(int(model.body_jntadr[body]), int(model.body_jntadr[body] + model.body_jntnum[body])):
        if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_SLIDE:
            far += float(np.abs(model.jnt_range[joint]).max())
        else:
            far += 2.0 * float(np.linalg.norm(model.jnt_pos[joint]))
    return far


def _turns_about_vertical(model: mujoco.MjModel, joint: int) -> bool:
    """Whether a joint stands on something fixed and moves nothing up or down."""
    body = int(model.jnt_bodyid[joint])
    fixed = model.body_weldid[model.body_parentid[body]] == 0 and model.body_jntadr[body] == joint
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    hinge = model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE
    return bool(fixed and hinge and abs(data.xaxis[joint, 2]) > 1.0 - 1e-12)

"""Whether a robot posture touches anything known: itself, another arm, the table, boxes that the caller names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import mujoco
import numpy as np
from mink import SE3
from numpy.typing import NDArray

from enpire.core.errors import BadInput
from enpire.tools.bounds import Shape
from enpire.tools.kinematics.arm import Arm

MOST_BOXES = 64


@dataclass(frozen=True, kw_only=True)
class Box:
    """Something to keep clear of, or something that an arm carries.

    Attributes:
        T_parent_box: Pose of the centre in the frame of the parent.
        half_m: Half lengths along its own x, y, z, shape (3,).
        parent: `world`, or the name of the arm whose tool carries it.
    """

    T_parent_box: SE3
    half_m: Annotated[NDArray[np.float64], Shape((3,))]
    parent: str = "world"


@dataclass(frozen=True)
class Near:
    """Two things that come closer than allowed.

    Attributes:
        one, other: Shapes of the robot, boxes or the table, by name.
        distance_m: Negative inside each other.
    """

    one: str
    other: str
    distance_m: float

    def __str__(self) -> str:
        return f"{self.one} is {self.distance_m * 1000:.1f} mm from {self.other}"


class Collisions:
    """Checks postures of some arms of a robot, one after another; keeps no memory of them.

    Pairs with the world and between arms must keep `margin_m`; links of one arm must not touch. What never meets by
    construction (neighbours, pairs excluded in the model) is not looked at.

    Args:
        arms: Arms that move, in the order of their joints in a posture. All of one model.
        boxes: Known obstacles and carried things.
        resting: Joint positions of arms that stand still, in rad; those not named stand at zero.
        table_m: Height of the table.
        margin_m: Distance to keep.
        opening: Of the grippers of moving arms, in [0, 1].

    Attributes:
        checks: Postures looked at so far.

    Raises:
        BadInput: Arms of different models, a parent that does not exist, or a size that is not positive.
    """

    def __init__(
        self,
        arms: Sequence[Arm],
        boxes: Sequence[Box] = (),
        *,
        resting: Mapping[str, NDArray[np.float64]] | None = None,
        table_m: float = 0.0,
        margin_m: float = 0.01,
        opening: float = 1.0,
    ) -> None:
        if not arms or any(arm.model is not arms[0].model for arm in arms) or len({a.name for a in arms}) < len(arms):
            raise BadInput("a plan needs one or more different arms of one robot")
        _check(boxes, arms)
        self.arms, self.margin_m, self.checks = tuple(arms), margin_m, 0
        self._model = arms[0].model
        self._data = mujoco.MjData(self._model)
        for name, q in (resting or {}).items():
            self._data.qpos[Arm(self._model, name).qpos] = q
        for arm in arms:
            _open(self._model, self._data, arm.name, opening)
        self._robot = np.flatnonzero(self._model.geom_bodyid > 0)
        self._carried = [box for box in boxes if box.parent != "world"]
        self._shapes = _shapes(self._model, self._robot, self._carried, boxes, table_m)
        self._poses = mujoco.MjData(self._shapes)
        mujoco.mj_kinematics(self._shapes, self._poses)
        self._pairs, self._margins = self._all_pairs()
        self._radius = self._shapes.geom_rbound[self._pairs].sum(axis=1) + self._margins
        self._table_m = table_m

    @property
    def low(self) -> NDArray[np.float64]:
        """Lower joint limits of a posture, rad."""
        return np.concatenate([arm.low for arm in self.arms])

    @property
    def high(self) -> NDArray[np.float64]:
        """Upper joint limits of a posture, rad."""
        return np.concatenate([arm.high for arm in self.arms])

    @property
    def reaches_m(self) -> NDArray[np.float64]:
        """How far a point of the robot moves at most per rad of each joint, m/rad."""
        return np.concatenate([_reaches(arm) for arm in self.arms])

    def free(self, q: NDArray[np.float64]) -> bool:
        """Whether a posture, shape (joints,), keeps clear of everything."""
        return next(self._near(q), None) is None

    def nearest(self, q: NDArray[np.float64]) -> Near | None:
        """What a posture comes closest to beyond what is allowed; None if it is free."""
        return min(self._near(q), key=lambda near: near.distance_m, default=None)

    def between(self, start: NDArray[np.float64], end: NDArray[np.float64]) -> Near | None:
        """What is met on the straight joint-space line, its end included, its start not; None if it is free.

        Postures are looked at so densely that no point of the robot moves further than the margin from the nearest of
        them, so nothing outside the arm is touched between them either.
        """
        swept_m = float(np.abs(end - start) @ self.reaches_m)
        count = max(1, int(np.ceil(swept_m / (2.0 * self.margin_m))))
        order = sorted(range(1, count + 1), key=lambda i: -(i & -i))  # coarse first: a hit is found early
        hits = (next(self._near(start + (end - start) * (i / count)), None) for i in order)
        return next((hit for hit in hits if hit is not None), None)

    def _near(self, q: NDArray[np.float64]) -> Iterator[Near]:
        self.checks += 1
        self._place(q)
        one, other = self._pairs.T
        centres = self._poses.geom_xpos
        apart = np.linalg.norm(centres[one] - centres[other], axis=1)
        apart = np.where(other == self._shapes.ngeom - 1, centres[one, 2] - self._table_m, apart)
        for i in np.flatnonzero(apart < self._radius):
            a, b, margin = int(one[i]), int(other[i]), float(self._margins[i])
            distance = mujoco.mj_geomDistance(self._shapes, self._poses, a, b, margin + 0.001, None)
            if distance < margin:
                yield Near(self._shapes.geom(a).name, self._shapes.geom(b).name, float(distance))

    def _place(self, q: NDArray[np.float64]) -> None:
        used = 0
        for arm in self.arms:
            self._data.qpos[arm.qpos] = q[used : used + len(arm.joints)]
            used += len(arm.joints)
        mujoco.mj_kinematics(self._model, self._data)
        count = len(self._robot)
        self._poses.geom_xpos[:count] = self._data.geom_xpos[self._robot]
        self._poses.geom_xmat[:count] = self._data.geom_xmat[self._robot]
        for i, box in enumerate(self._carried, start=count):
            site = self._model.site(f"{box.parent}_tool").id
            turn = self._data.site_xmat[site].reshape(3, 3)
            T = box.T_parent_box
            self._poses.geom_xpos[i] = self._data.site_xpos[site] + turn @ T.translation()
            self._poses.geom_xmat[i] = (turn @ T.rotation().as_matrix()).ravel()

    def _all_pairs(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        model, arms = self._model, {arm.name for arm in self.arms}
        bodies = [model.body(int(b)).name for b in model.geom_bodyid[self._robot]]
        owners = [body.partition("_")[0] for body in bodies] + [box.parent for box in self._carried]
        bodies += [f"{box.parent}_held" for box in self._carried]
        movers = range(len(bodies))
        never = _never(model, arms)
        pairs: list[tuple[int, int, float]] = []
        for a in movers:
            for b in range(a + 1, self._shapes.ngeom):
                if b not in movers:  # the world; a base stands on it
                    if owners[a] in arms and not bodies[a].endswith("_base"):
                        pairs.append((a, b, self.margin_m))
                elif owners[a] != owners[b]:
                    if owners[a] in arms or owners[b] in arms:
                        pairs.append((a, b, self.margin_m))
                elif owners[a] in arms and frozenset((bodies[a], bodies[b])) not in never:
                    pairs.append((a, b, 0.0))
        found = np.array([(a, b) for a, b, _ in pairs], dtype=np.int64).reshape(-1, 2)
        return found, np.array([margin for *_, margin in pairs])


def _check(boxes: Sequence[Box], arms: Sequence[Arm]) -> None:
    if len(boxes) > MOST_BOXES:
        raise BadInput(f"{len(boxes)} boxes; at most {MOST_BOXES} are looked at")
    known = ["world", *(arm.name for arm in arms)]
    for box in boxes:
        if box.parent not in known:
            raise BadInput(f"a box cannot belong to {box.parent!r}; valid: {', '.join(known)}")
        if not (box.half_m > 0).all():
            raise BadInput(f"the half lengths of a box must be positive, not {box.half_m.tolist()}")


def _open(model: mujoco.MjModel, data: mujoco.MjData, arm: str, opening: float) -> None:
    for finger in (1, 2):
        joint = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_JOINT, f"{arm}_slide{finger}")
        if joint >= 0:
            low, high = model.jnt_range[joint]
            data.qpos[model.jnt_qposadr[joint]] = low + opening * (high - low)


def _shapes(
    model: mujoco.MjModel,
    robot: NDArray[np.int64],
    carried: Sequence[Box],
    boxes: Sequence[Box],
    table_m: float,
) -> mujoco.MjModel:
    """A model of loose shapes: robot geoms, carried boxes, obstacle boxes, table; the first two are placed later."""
    spec = mujoco.MjSpec()
    for i in robot:
        if model.geom_type[i] == mujoco.mjtGeom.mjGEOM_MESH:
            raise BadInput(f"{model.geom(int(i)).name} is a mesh; planning needs a robot of primitive shapes")
        kind = mujoco.mjtGeom(int(model.geom_type[i]))
        spec.worldbody.add_geom(name=model.geom(int(i)).name, type=kind, size=model.geom_size[i])
    for i, box in enumerate([*carried, *(box for box in boxes if box.parent == "world")]):
        T = box.T_parent_box
        spec.worldbody.add_geom(
            name=f"box {i + 1} on {box.parent}", type=mujoco.mjtGeom.mjGEOM_BOX, size=box.half_m,
            pos=T.translation(), quat=T.rotation().wxyz,
        )  # fmt: skip
    spec.worldbody.add_geom(name="table", type=mujoco.mjtGeom.mjGEOM_PLANE, size=(5, 5, 1), pos=(0, 0, table_m))
    return spec.compile()


def _never(model: mujoco.MjModel, arms: set[str]) -> set[frozenset[str]]:
    """Pairs of bodies of one arm that are neighbours or excluded; a carried thing may touch hand and fingers."""
    names = [model.body(i).name for i in range(model.nbody)]
    never = {frozenset((names[i], names[model.body_parentid[i]])) for i in range(model.nbody)}
    never |= {frozenset((name,)) for name in names}
    never |= {frozenset((names[s >> 16], names[s & 0xFFFF])) for s in model.exclude_signature.tolist()}
    for arm in arms:
        last = max(name for name in names if name.startswith(f"{arm}_link"))
        hand = [
            last,
            *(n for n in names if n.startswith(f"{arm}_") and names[model.body_parentid[_id(model, n)]] == last),
        ]
        never |= {frozenset((f"{arm}_held", name)) for name in hand}
        never |= {frozenset((f"{arm}_held",))}
    return never


def _id(model: mujoco.MjModel, body: str) -> int:
    return int(model.body(body).id)


def _reaches(arm: Arm) -> NDArray[np.float64]:
    """Upper bound of the distance from each joint axis to any point beyond it, m, whatever the posture."""
    model, bound = arm.model, 0.0
    reaches = []
    last = int(model.jnt_bodyid[model.joint(arm.joints[-1]).id])
    hand = [b for b in range(model.nbody) if b == last or model.body_parentid[b] == last]
    for body in hand:
        geoms = np.flatnonzero(model.geom_bodyid == body)
        far = [np.linalg.norm(model.geom_pos[g]) + model.geom_rbound[g] for g in geoms]
        slide = 0.0 if body == last else float(np.linalg.norm(model.body_pos[body])) + 0.05
        bound = max(bound, slide + max(far, default=0.0))
    for joint in reversed(arm.joints):
        body = int(model.jnt_bodyid[model.joint(joint).id])
        geoms = np.flatnonzero(model.geom_bodyid == body)
        bound = max([bound, *(np.linalg.norm(model.geom_pos[g]) + model.geom_rbound[g] for g in geoms)])
        reaches.append(float(bound))
        bound += float(np.linalg.norm(model.body_pos[body]))
    return np.array(reaches[::-1])

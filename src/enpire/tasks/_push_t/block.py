"""The T and its goal: shape, mass, where it starts, how far it is from home.

A pose is (x, y, yaw) of the block frame in the world frame: m, m, rad. The block frame's origin is the middle of the
outer edge of the bar, the stem points along its +y. The center is that of the area, 54 mm up the stem.
"""

import mujoco
import numpy as np
from numpy.typing import NDArray

from enpire.simulation.profile import Profile
from enpire.simulation.table_marks import add_table_marks

Array = NDArray[np.float64]

BAR_M = ((-0.08, 0.0), (0.08, 0.04))
"""Lower and upper corner in the block frame."""
STEM_M = ((-0.02, 0.04), (0.02, 0.16))
HEIGHT_M = 0.03
MASS_KG = 0.15
COLOUR = (0.10, 0.55, 0.25)
"""Of the block in white light."""
GOAL = (0.33, -0.12, 0.0)
"""Goal pose: x m, y m, yaw rad."""
NAME = "block"
_GOAL_COLOUR = (0.70, 0.62, 0.86, 1.0)
_WHITE = (0.95, 0.95, 0.95, 1.0)
_PRINT_M = 0.0002
_LINE_M = 0.004


def polygons() -> tuple[Array, ...]:
    """Corners (4, 2) of bar and stem in the block frame, counter-clockwise, m."""
    return tuple(np.array([(a, b), (c, b), (c, d), (a, d)]) for (a, b), (c, d) in (BAR_M, STEM_M))


def _areas() -> Array:
    return np.array([(c - a) * (d - b) for (a, b), (c, d) in (BAR_M, STEM_M)])


def _middles() -> Array:
    return np.array([((a + c) / 2, (b + d) / 2) for (a, b), (c, d) in (BAR_M, STEM_M)])


CENTER_M = np.asarray(_areas() @ _middles() / _areas().sum())
"""Center of the area in the block frame, shape (2,)."""


def wrap(angle: Array | float) -> Array:
    """Angle in [-pi, pi)."""
    return np.asarray((np.asarray(angle) + np.pi) % (2 * np.pi) - np.pi)


def center(pose: Array) -> Array:
    """Center of the block in the world, (..., 2), for poses (..., 3)."""
    pose = np.asarray(pose, float)
    c, s = np.cos(pose[..., 2]), np.sin(pose[..., 2])
    x, y = CENTER_M
    return np.asarray(pose[..., :2] + np.stack([c * x - s * y, s * x + c * y], axis=-1))


def at_center(middle: Array, yaw: float) -> Array:
    """Pose (3,) whose center is at `middle` (2,)."""
    turned = center(np.array([0.0, 0.0, yaw]))
    return np.array([*(np.asarray(middle, float) - turned), yaw])


def error(pose: Array, goal: Array) -> tuple[float, float]:
    """Distance of the centers in m and of the yaws in rad."""
    away = float(np.linalg.norm(center(pose) - center(goal)))
    return away, float(abs(wrap(pose[2] - goal[2])))


def add(spec: mujoco.MjSpec, profile: Profile, *, fixed_at: Array | None) -> None:
    """Put the block, its printed goal and the round marks into a station's scene.

    Args:
        spec: Scene.
        profile: Scales the mass and shifts the center of mass.
        fixed_at: Pose (3,) at which the block is screwed to the table; the task is impossible then. None: it is free.
    """
    _print_goal(spec)
    add_table_marks(spec)
    x, y, yaw = GOAL if fixed_at is None else fixed_at
    turn = (np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2))
    body = spec.worldbody.add_body(name=NAME, pos=(x, y, HEIGHT_M / 2), quat=turn)
    if fixed_at is None:
        body.add_freejoint(name=NAME)
    for (a, b), (c, d) in (BAR_M, STEM_M):
        body.add_geom(
            name=f"{NAME}_{len(body.geoms)}", type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=((a + c) / 2, (b + d) / 2, 0.0), size=((c - a) / 2, (d - b) / 2, HEIGHT_M / 2), rgba=(*COLOUR, 1.0),
        )  # fmt: skip
    mass = MASS_KG * profile.mass
    ixx, iyy, izz = _inertia(mass)
    body.explicitinertial, body.mass = True, mass
    body.ipos = (*(CENTER_M + np.array(profile.center_of_mass_m)), 0.0)
    body.inertia = (ixx, iyy, izz)


def put(model: mujoco.MjModel, data: mujoco.MjData, pose: Array) -> None:
    """Lay the block down at a pose (3,), at rest. Does nothing to a fixed block. Call `mj_forward` afterwards."""
    body = model.body(NAME)
    if not body.jntnum[0]:
        return
    joint = model.joint(NAME)
    q, v = int(joint.qposadr[0]), int(joint.dofadr[0])
    half = pose[2] / 2
    data.qpos[q : q + 7] = (pose[0], pose[1], HEIGHT_M / 2, np.cos(half), 0.0, 0.0, np.sin(half))
    data.qvel[v : v + 6] = 0.0


def true_pose(data: mujoco.MjData) -> Array:
    """Where the block really is, shape (3,). For the sealed log and controls only."""
    body = data.body(NAME)
    axes = body.xmat.reshape(3, 3)
    return np.array([body.xpos[0], body.xpos[1], np.arctan2(axes[1, 0], axes[0, 0])])


def true_speed(data: mujoco.MjData) -> float:
    """Speed of the block's center in m/s, plus its turning speed times 0.1 m."""
    velocity = data.body(NAME).cvel
    return float(np.linalg.norm(velocity[3:]) + 0.1 * np.linalg.norm(velocity[:3]))


def _inertia(mass: float) -> tuple[float, float, float]:
    """About the center, along the block's axes, kg m²."""
    xx = yy = 0.0
    for part, area, middle in zip((BAR_M, STEM_M), _areas(), _middles(), strict=True):
        share = mass * area / _areas().sum()
        width, depth = part[1][0] - part[0][0], part[1][1] - part[0][1]
        offset = middle - CENTER_M
        xx += share * (depth**2 / 12 + HEIGHT_M**2 / 12 + offset[1] ** 2)
        yy += share * (width**2 / 12 + HEIGHT_M**2 / 12 + offset[0] ** 2)
    return xx, yy, xx + yy - mass * HEIGHT_M**2 / 6


def _print_goal(spec: mujoco.MjSpec) -> None:
    """The goal on the table: a white outline around a pale field. Nothing collides with it."""
    c, s = np.cos(GOAL[2]), np.sin(GOAL[2])
    for grow, rgba, height in ((_LINE_M, _WHITE, _PRINT_M), (0.0, _GOAL_COLOUR, 2 * _PRINT_M)):
        for number, ((a, b), (d, e)) in enumerate((BAR_M, STEM_M)):
            x, y = (a + d) / 2, (b + e) / 2
            spec.worldbody.add_geom(
                name=f"goal_{'outline' if grow else 'field'}_{number}", type=mujoco.mjtGeom.mjGEOM_BOX,
                pos=(GOAL[0] + c * x - s * y, GOAL[1] + s * x + c * y, 0.0),
                quat=(np.cos(GOAL[2] / 2), 0.0, 0.0, np.sin(GOAL[2] / 2)),
                size=((d - a) / 2 + grow, (e - b) / 2 + grow, height), rgba=rgba,
                contype=0, conaffinity=0, group=1,
            )  # fmt: skip

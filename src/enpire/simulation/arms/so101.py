"""The SO-101 arm from primitive shapes: five joints and a jaw, all with the same hobby servo.

At zero joint angles the frames are parallel to the base frame (x forward, y left, z up), the upper arm points up, the
forearm and the jaws forward. Lengths, ranges, masses and servo constants are those of MuJoCo Menagerie's
`robotstudio_so101` (Apache-2.0, after TheRobotStudio's SO-ARM100); the shapes are our own.
"""

from collections.abc import Mapping

import mink
import mujoco
import numpy as np

from enpire.simulation.profile import ArmProfile, Profile
from enpire.simulation.world import new_spec

JOINTS = 5
JOINT_LOW = (-1.920, -1.745, -1.690, -1.658, -2.744)
"""Joint limits, rad."""
JOINT_HIGH = (1.920, 1.745, 1.690, 1.658, 2.744)
JAW_RAD = (-0.175, 1.745)
"""Jaw from closed (gripper opening 0) to open (1)."""
VELOCITY = (4.7, 4.7, 4.7, 4.7, 4.7)
"""What the servos reach without load, rad/s."""
ACCELERATION = (20.0, 20.0, 20.0, 20.0, 20.0)
TORQUE_NM = 2.94
KP, KD = 998.0, 2.73
ARMATURE, DAMPING, COULOMB_NM = 0.028, 0.60, 0.052
JAW_M = 0.078
"""From the jaw's axis to its tip: the lever of the gripping force."""
HOME = (0.0, 0.0, 0.0, 1.2, 0.0, 0.0)
"""Five joints in rad and the gripper opening; jaws point down."""

_Vec = tuple[float, float, float]
_LINKS: tuple[tuple[_Vec, _Vec, float, _Vec, tuple[tuple[_Vec, _Vec, float], ...]], ...] = (
    ((0.0388, 0, 0.0624), (0, 0, 1), 0.100, (0.0307, 0, 0.0253), (((0.0, 0, 0.02), (0.0304, 0, 0.0542), 0.024),)),
    ((0.0304, 0, 0.0542), (0, 1, 0), 0.103, (0.008, 0, 0.0898), (((0, 0, 0), (0.028, 0, 0.1126), 0.020),)),
    ((0.028, 0, 0.1126), (0, 1, 0), 0.104, (0.0981, 0, 0), (((0.0, 0, 0), (0.1349, 0, 0), 0.018),)),
    ((0.1349, 0, 0), (0, 1, 0), 0.079, (0.0386, 0, 0), (((0, 0, 0), (0.05, 0, 0), 0.018),)),
    ((0.0611, 0, 0), (1, 0, 0), 0.099, (0.0252, 0, 0), (((0, 0, 0), (0.03, 0, 0), 0.022),)),
)
_TOOL_X = 0.098
_RGBA, _DARK = (0.95, 0.80, 0.15, 1.0), (0.15, 0.15, 0.16, 1.0)


def add_arm(spec: mujoco.MjSpec, name: str, T_world_base: mink.SE3, profile: ArmProfile | None = None) -> None:
    """Put an arm into a scene; nominal without a profile. It has no gravity compensation.

    Bodies `NAME_base`, `NAME_link1` .. `NAME_link5`, `NAME_jaw`; joints and actuators `NAME_joint1` .. `_joint5` and
    `NAME_gripper` (jaw angle, rad); site `NAME_tool`, z along the approach, x along the closing direction.
    """
    known = profile or ArmProfile()
    body = spec.worldbody.add_body(
        name=f"{name}_base", pos=T_world_base.translation(), quat=T_world_base.rotation().wxyz
    )
    _capsule(body, (0.0, 0, 0.025), (0.0388, 0, 0.025), 0.025, _RGBA)
    for i, (offset, axis, mass, center, capsules) in enumerate(_LINKS):
        body = body.add_body(name=f"{name}_link{i + 1}", pos=offset)
        _inertia(body, mass, center)
        for start, end, radius in capsules:
            _capsule(body, start, end, radius, _RGBA)
        _servo(spec, body, f"{name}_joint{i + 1}", axis, (JOINT_LOW[i], JOINT_HIGH[i]), known, i)
    tool = mink.SO3.from_matrix(np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]))
    body.add_site(name=f"{name}_tool", pos=(_TOOL_X, 0, 0), quat=tool.wxyz, size=(0.004, 0.004, 0.004), group=4)
    # The fixed jaw stands at y > 0; the moving one turns towards it about the vertical axis of the hand.
    _capsule(body, (0.03, 0.012, 0), (0.1, 0.006, 0), 0.006, _DARK)
    jaw = body.add_body(name=f"{name}_jaw", pos=(0.0234, -0.0202, 0))
    _inertia(jaw, 0.012, (0.03, 0, 0))
    closed = JAW_RAD[0]
    tip = (JAW_M * np.cos(-closed) - 0.004, JAW_M * np.sin(-closed), 0.0)  # meets the fixed jaw when closed
    _capsule(jaw, (0, 0, 0), tip, 0.006, _DARK)
    _servo(spec, jaw, f"{name}_gripper", (0, 0, -1), JAW_RAD, known, JOINTS)
    for geom in (body.geoms[-1], jaw.geoms[-1]):
        geom.condim, geom.priority, geom.friction = 4, 1, (1.0, 5e-3, 5e-4)
    for a, b in (("base", "link1"), ("base", "link2"), (f"link{JOINTS}", "jaw")):
        spec.add_exclude(bodyname1=f"{name}_{a}", bodyname2=f"{name}_{b}")


def nominal_model(arms: Mapping[str, mink.SE3]) -> mujoco.MjModel:
    """The arms alone at T_world_base each: for kinematics and clearance."""
    spec = new_spec()
    for name, T_world_base in arms.items():
        add_arm(spec, name, T_world_base)
    return spec.compile()


def table_spec(profile: Profile, arms: Mapping[str, mink.SE3]) -> mujoco.MjSpec:
    """A table, top at z = 0, with these arms on it, as `profile` says they really are."""
    spec = new_spec()
    spec.worldbody.add_geom(
        name="table", type=mujoco.mjtGeom.mjGEOM_PLANE, size=(0.8, 0.8, 0.05), friction=(profile.friction, 5e-3, 1e-4),
        priority=1,
    )  # fmt: skip
    for name, T_world_base in arms.items():
        add_arm(spec, name, T_world_base, profile.arms.get(name))
    return spec


def _servo(
    spec: mujoco.MjSpec,
    body: mujoco.MjsBody,
    name: str,
    axis: _Vec,
    bounds: tuple[float, float],
    known: ArmProfile,
    i: int,
) -> None:
    friction = known.friction[i] if i < len(known.friction) else 1.0
    stiffness = known.stiffness[i] if i < len(known.stiffness) else 1.0
    body.add_joint(
        name=name, axis=axis, range=bounds, limited=True, armature=ARMATURE, damping=DAMPING,
        frictionloss=COULOMB_NM * friction,
    )  # fmt: skip
    motor = spec.add_actuator(name=name, trntype=mujoco.mjtTrn.mjTRN_JOINT, target=name)
    motor.set_to_position(kp=KP * stiffness, kv=KD)
    motor.forcelimited, motor.forcerange = True, (-TORQUE_NM, TORQUE_NM)


def _inertia(body: mujoco.MjsBody, mass: float, center: _Vec) -> None:
    """Inertia of a ball with 30 mm radius: small beside the servos' armature."""
    body.explicitinertial = True
    body.mass, body.ipos = mass, center
    body.inertia = (0.4 * mass * 0.03**2,) * 3


def _capsule(body: mujoco.MjsBody, start: _Vec, end: _Vec, radius: float, rgba: tuple[float, ...]) -> None:
    body.add_geom(
        name=f"{body.name}_{len(body.geoms)}", type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        fromto=(*start, *end), size=(radius, 0, 0), rgba=rgba,
    )  # fmt: skip

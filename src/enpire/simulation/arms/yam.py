"""The I2RT YAM arm with its linear gripper and a wrist camera, from primitive shapes.

At zero joint angles every link frame is parallel to the base frame: x forward, y left, z up. The arm is folded then:
the upper arm points back, the forearm forward above it, the fingers forward. Lengths, ranges, masses, inertias and
motor gains are those of the vendor's SDK (i2rt 1.2.4) and of MuJoCo Menagerie's `i2rt_yam`, both under the MIT licence;
the shapes are our own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import mink
import mujoco
import numpy as np

from enpire.simulation.profile import ArmProfile
from enpire.simulation.world import new_spec

JOINTS = 6
JOINT_LOW = (-2.618, 0.0, 0.0, -1.693, -1.571, -2.094)
"""Joint limits, rad."""
JOINT_HIGH = (3.142, 3.665, 3.142, 1.571, 1.571, 2.094)
VELOCITY = (5.0, 5.0, 5.0, 10.0, 10.0, 10.0)
"""What the motors can reach, rad/s."""
ACCELERATION = (30.0, 30.0, 30.0, 60.0, 60.0, 60.0)
"""The same in rad/s²."""
TORQUE = (28.0, 28.0, 28.0, 10.0, 10.0, 10.0)
"""Largest motor torque, Nm."""
KP = (80.0, 80.0, 80.0, 40.0, 10.0, 10.0)
"""Position gain of the motors, Nm/rad."""
KD = (5.0, 5.0, 5.0, 1.5, 1.5, 1.5)
"""Velocity gain, Nm s/rad."""
COULOMB = (0.3, 0.3, 0.3, 0.06, 0.06, 0.06)
"""Dry friction of the joints, Nm."""
HOME = (0.0, 1.047, 1.047, 0.0, 0.0, 0.0, 0.0)
"""Six joints in rad and the gripper opening. Fingers point forward, closed."""

GAP_M = 0.096
"""Between the pads of the open gripper: opening 1."""
GRIPPER_KP = 8000.0
"""N per metre of gap."""
GRIPPER_KD = 60.0
GRIPPER_VELOCITY = 4.0
"""Opening per second that the gripper can reach."""
GRIPPER_ACCELERATION = 60.0
GRIPPER_FORCE_N = 50.0
"""Largest force of each pad that the vendor allows."""
PUSHER_RADIUS_M = 0.0072
"""The closed fingertips are a round pusher about the tool axis: a flat side meets it 6.6 to 7.2 mm from the axis."""
TIP_BELOW_TOOL_M = 0.0097
"""From the tool's origin, which is inside the pads, to the end of the fingertips."""

WRIST_POSE = (0.077, 0.0, 0.0704)
"""Position of the wrist camera (Intel D405) in the frame of the last link, m."""
WRIST_TILT_RAD = 0.436
"""It looks forward and this much down to the fingertips."""
WRIST_FOVY_DEG = 63.0

_ARMATURE = (0.032, 0.032, 0.032, 0.0018, 0.0018, 0.0018)
_SHELL, _DARK, _PAD = (0.82, 0.83, 0.85, 1.0), (0.18, 0.18, 0.20, 1.0), (0.10, 0.10, 0.11, 1.0)
PAD_TORSION = (5e-3, 5e-4)
"""Friction of the pads in torsion and rolling, m."""
_PAD_SOLREF, _PAD_SOLIMP = (0.004, 1.0), (0.98, 0.995, 0.0005, 0.5, 2.0)

Vec3 = tuple[float, float, float]


@dataclass(frozen=True)
class _Link:
    """A link as it follows its parent: joint origin and axis, inertia, and capsules (from, to, radius)."""

    offset: Vec3
    axis: Vec3
    mass: float
    center: Vec3
    inertia: Vec3
    capsules: tuple[tuple[Vec3, Vec3, float], ...]


_LINKS = (
    _Link(
        (0, 0, 0.0631), (0, 0, 1), 0.124, (0.008, -0.0019, 0.0208), (1.5e-4, 1.5e-4, 0.9e-4),
        (((0, 0, 0), (0.02, 0, 0.0409), 0.035),),
    ),
    _Link(
        (0.02, 0, 0.0409), (0, 1, 0), 1.244, (-0.132, 0, 0), (6.83e-4, 1.213e-2, 1.219e-2),
        (((0, 0, 0), (-0.264, 0, 0), 0.032),),
    ),
    _Link(
        (-0.264, 0, 0), (0, -1, 0), 0.854, (0.122, 0, 0.0548), (7.88e-4, 6.96e-3, 7.0e-3),
        (((0, 0, 0), (0, 0, 0.06), 0.033), ((0, 0, 0.06), (0.245, 0, 0.06), 0.034)),
    ),
    _Link(
        (0.245, 0, 0.06), (0, -1, 0), 0.464, (0.077, 0, 0.0527), (7.9e-4, 7.4e-4, 2.8e-4),
        (((0, 0, 0), (0.074, 0, 0.05), 0.030),),
    ),
    _Link(
        (0.074, 0, 0.0395), (0, 0, -1), 0.351, (0, 0, -0.0354), (1.98e-4, 1.78e-4, 1.47e-4),
        (((0, 0, -0.02), (0.015, 0, -0.0395), 0.030),),
    ),
    _Link(
        (0.0353, 0, -0.0395), (1, 0, 0), 0.553, (0.0293, 0, 0), (3.24e-4, 3.7e-4, 4.1e-4),
        (((0, 0, 0), (0.03, 0, 0), 0.030),),
    ),
)  # fmt: skip
_TOOL_X = 0.1347
_NEIGHBOURS = (
    *(("base", "link1"), ("base", "link2"), ("link1", "link3"), ("link1", "link4"), ("link2", "link4")),
    *(("link3", "link5"), ("link4", "link6"), ("finger1", "finger2")),
    *((finger, other) for finger in ("finger1", "finger2") for other in ("camera", "link5")),
)
"""Bodies that do not collide: next but one, or meant to touch when the arm is folded."""


def add_arm(spec: mujoco.MjSpec, name: str, T_world_base: mink.SE3, profile: ArmProfile | None = None) -> None:
    """Put an arm into a scene; nominal without a profile.

    Bodies `NAME_base`, `NAME_link1` .. `NAME_link6`, `NAME_finger1`, `NAME_finger2`; joints `NAME_joint1` .. `_joint6`,
    `NAME_slide1`, `NAME_slide2`; actuators `NAME_joint1` .. (rad) and `NAME_gripper` (gap between the pads, m); site
    `NAME_tool`; camera `NAME_wrist`.
    """
    known = profile or ArmProfile()
    body = spec.worldbody.add_body(
        name=f"{name}_base", pos=T_world_base.translation(), quat=T_world_base.rotation().wxyz
    )
    _capsule(body, ((0, 0, 0.01), (0, 0, 0.045), 0.04), _DARK)
    for i, link in enumerate(_LINKS):
        body = body.add_body(name=f"{name}_link{i + 1}", pos=link.offset, gravcomp=known.gravity)
        _inertia(body, link.mass, link.center, link.inertia)
        body.add_joint(
            name=f"{name}_joint{i + 1}",
            axis=link.axis,
            range=(JOINT_LOW[i], JOINT_HIGH[i]),
            limited=True,
            armature=_ARMATURE[i],
            frictionloss=COULOMB[i] * _value(known.friction, i, 1.0),
        )
        for capsule in link.capsules:
            _capsule(body, capsule, _SHELL if i in (1, 2) else _DARK)
        _joint_motor(spec, f"{name}_joint{i + 1}", KP[i] * _value(known.stiffness, i, 1.0), i)
    _hand(spec, body, name, known.gravity)
    for a, b in _NEIGHBOURS:
        spec.add_exclude(bodyname1=f"{name}_{a}", bodyname2=f"{name}_{b}")


def nominal_model(arms: Mapping[str, mink.SE3]) -> mujoco.MjModel:
    """The arms alone, as their vendor describes them, at T_world_base each: for kinematics and clearance."""
    spec = new_spec()
    for name, T_world_base in arms.items():
        add_arm(spec, name, T_world_base)
    return spec.compile()


def pad_geoms(name: str) -> tuple[str, ...]:
    """Names of the geoms that touch what an arm holds or pushes: both fingertips."""
    return tuple(f"{name}_finger{finger}_{i}" for finger in (1, 2) for i in range(4))


def wrist_in_link6() -> mink.SE3:
    """T_link6_camera of the wrist camera as it is said to be; optical frame: x right, y down, z forward."""
    s, c = np.sin(WRIST_TILT_RAD), np.cos(WRIST_TILT_RAD)
    axes = np.array([[0.0, -s, c], [-1.0, 0.0, 0.0], [0.0, -c, -s]])  # columns: x, y, z of the camera
    return mink.SE3.from_rotation_and_translation(mink.SO3.from_matrix(axes), np.array(WRIST_POSE))


def _hand(spec: mujoco.MjSpec, link6: mujoco.MjsBody, name: str, gravity: float) -> None:
    _box(link6, (0.058, 0, 0), (0.014, 0.051, 0.0325), _DARK)
    tool = mink.SO3.from_matrix(np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]))  # x closes, z approaches
    link6.add_site(name=f"{name}_tool", pos=(_TOOL_X, 0, 0), quat=tool.wxyz, size=(0.004, 0.004, 0.004), group=4)
    # The vendor's gravity compensation does not know of the camera, so its weight is carried by nobody.
    camera = link6.add_body(name=f"{name}_camera", pos=WRIST_POSE)
    _inertia(camera, 0.109, (-0.01, 0, -0.01), (6.6e-5, 4.5e-5, 3.8e-5))
    _box(camera, (-0.012, 0, 0.003), (0.0115, 0.021, 0.021), _DARK)
    link6.add_camera(name=f"{name}_wrist", fovy=WRIST_FOVY_DEG)
    for sign, finger in ((1.0, f"{name}_finger1"), (-1.0, f"{name}_finger2")):
        _finger(link6, finger, sign, gravity)
        slide = finger.replace("finger", "slide")
        spec.body(finger).add_joint(
            name=slide, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=(0, sign, 0), range=(0, GAP_M / 2), limited=True,
            armature=0.1, solref_limit=_PAD_SOLREF, solimp_limit=_PAD_SOLIMP,
        )  # fmt: skip
    spec.add_equality(
        type=mujoco.mjtEq.mjEQ_JOINT, objtype=mujoco.mjtObj.mjOBJ_JOINT, name=f"{name}_fingers",
        name1=f"{name}_slide2", name2=f"{name}_slide1", data=[0, 1] + [0] * (mujoco.mjNEQDATA - 2),
        solref=_PAD_SOLREF, solimp=_PAD_SOLIMP,
    )  # fmt: skip
    gap = spec.add_tendon(name=f"{name}_gap")
    gap.wrap_joint(f"{name}_slide1", 1.0)
    gap.wrap_joint(f"{name}_slide2", 1.0)
    motor = spec.add_actuator(name=f"{name}_gripper", trntype=mujoco.mjtTrn.mjTRN_TENDON, target=f"{name}_gap")
    motor.set_to_position(kp=GRIPPER_KP, kv=GRIPPER_KD)
    motor.forcelimited, motor.forcerange = True, (-GRIPPER_FORCE_N, GRIPPER_FORCE_N)


def _finger(link6: mujoco.MjsBody, name: str, sign: float, gravity: float) -> None:
    """Half of a round fingertip: a flat pad towards the other finger and three rounded edges behind it."""
    body = link6.add_body(name=name, gravcomp=gravity)
    _inertia(body, 0.071, (0.085, sign * 0.015, 0), (2.9e-5, 6.1e-5, 6.1e-5))
    _box(body, (0.1362, sign * 0.0017, 0), (0.0082, 0.0017, 0.0042), _PAD)
    radius = PUSHER_RADIUS_M / 3
    edges = ((radius, 0.866 * 2 * radius), (2 * radius, 0.0), (radius, -0.866 * 2 * radius))
    for y, z in edges:
        _capsule(body, ((0.1304, sign * y, z), (_TOOL_X + TIP_BELOW_TOOL_M - radius, sign * y, z), radius), _PAD)
    for geom in body.geoms:
        geom.condim, geom.priority, geom.friction = 6, 1, (1.0, *PAD_TORSION)
        geom.solref, geom.solimp = _PAD_SOLREF, _PAD_SOLIMP
    _capsule(body, ((0.082, sign * 0.012, 0), (0.125, sign * 0.0065, 0), 0.006), _DARK)
    _box(body, (0.077, sign * 0.013, 0), (0.006, 0.012, 0.012), _DARK)


def _joint_motor(spec: mujoco.MjSpec, name: str, kp: float, i: int) -> None:
    motor = spec.add_actuator(name=name, trntype=mujoco.mjtTrn.mjTRN_JOINT, target=name)
    motor.set_to_position(kp=kp, kv=KD[i])
    motor.forcelimited, motor.forcerange = True, (-TORQUE[i], TORQUE[i])


def _value(values: tuple[float, ...], i: int, nominal: float) -> float:
    return values[i] if i < len(values) else nominal


def _inertia(body: mujoco.MjsBody, mass: float, center: Vec3, inertia: Vec3) -> None:
    body.explicitinertial = True
    body.mass, body.ipos, body.inertia = mass, center, inertia


def _capsule(body: mujoco.MjsBody, capsule: tuple[Vec3, Vec3, float], rgba: tuple[float, ...]) -> None:
    start, end, radius = capsule
    body.add_geom(
        name=f"{body.name}_{len(body.geoms)}", type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        fromto=(*start, *end), size=(radius, 0, 0), rgba=rgba,
    )  # fmt: skip


def _box(body: mujoco.MjsBody, center: Vec3, half: Vec3, rgba: tuple[float, ...]) -> None:
    body.add_geom(
        name=f"{body.name}_{len(body.geoms)}", type=mujoco.mjtGeom.mjGEOM_BOX, pos=center, size=half, rgba=rgba
    )

"""The station: table, two arms, lamp and cameras. Tasks add their objects to the spec before it is compiled."""

from collections.abc import Mapping
from types import MappingProxyType

import mink
import mujoco
import numpy as np

from enpire.core.camera import Calibration
from enpire.simulation.arms import yam
from enpire.simulation.profile import CameraProfile, Profile
from enpire.simulation.world import new_spec

ARM_BASES: Mapping[str, mink.SE3] = MappingProxyType(
    {
        "left": mink.SE3.from_translation(np.array([0.0, 0.3, 0.0])),
        "right": mink.SE3.from_translation(np.array([0.0, -0.3, 0.0])),
    }
)
"""T_world_base of each arm: both on the edge of the table, facing +x."""
TOP_POSE = (0.31, 0.0, 0.9)
"""Position of the top camera in the world, m. It looks straight down; the upper edge of its image is towards +x."""
TOP_FOVY_DEG = 45.0
TABLE_RGBA = (0.72, 0.70, 0.66, 1.0)
_LAMP_AT = (0.3, 0.0, 1.6)
_LAMP, _AMBIENT = 0.55, 0.40


def station_spec(profile: Profile, arms: Mapping[str, mink.SE3] = ARM_BASES) -> mujoco.MjSpec:
    """Scene of a station as `profile` says it really is: table top at z = 0, arms, lamp, camera `top`.

    Contacts with the table have friction `profile.friction`, contacts with the fingertips `profile.pad_friction`,
    whatever the object says (both have priority 1).
    """
    spec = new_spec()
    spec.worldbody.add_geom(
        name="table", type=mujoco.mjtGeom.mjGEOM_PLANE, size=(0.8, 0.8, 0.05), pos=(0.35, 0, 0), rgba=TABLE_RGBA,
        friction=(profile.friction, 5e-3, 1e-4), priority=1,
    )  # fmt: skip
    for name, T_world_base in arms.items():
        yam.add_arm(spec, name, T_world_base, profile.arms.get(name))
        _place(spec.camera(f"{name}_wrist"), yam.wrist_in_link6(), profile.cameras.get(f"{name}_wrist"))
        for pad in yam.pad_geoms(name):
            spec.geom(pad).friction = (profile.pad_friction, *yam.PAD_TORSION)
    top = spec.worldbody.add_camera(name="top", fovy=TOP_FOVY_DEG)
    _place(top, top_in_world(), profile.cameras.get("top"))
    _light(spec, profile)
    return spec


def calibrations(height: int, width: int, arms: Mapping[str, mink.SE3] = ARM_BASES) -> dict[str, Calibration]:
    """What a station says of its cameras, for images of (height, width) px: the nominal poses, not the real ones.

    The pixel at row 0, column 0 has its centre at (u, v) = (0, 0).
    """
    found = {"top": _calibration("top", "world", top_in_world(), TOP_FOVY_DEG, height, width)}
    for arm in arms:
        name = f"{arm}_wrist"
        found[name] = _calibration(name, arm, yam.wrist_in_link6(), yam.WRIST_FOVY_DEG, height, width)
    return found


def top_in_world() -> mink.SE3:
    """T_world_camera of the top camera as it is said to be, optical frame."""
    axes = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])  # columns: x, y, z of the camera
    return mink.SE3.from_rotation_and_translation(mink.SO3.from_matrix(axes), np.array(TOP_POSE))


def real_pose(said: mink.SE3, profile: CameraProfile | None) -> mink.SE3:
    """T_parent_camera where a camera really is, given where it is said to be (optical frame both)."""
    if profile is None:
        return said
    turn = mink.SO3.exp(np.array(profile.turn_rad))
    return said @ mink.SE3.from_rotation_and_translation(turn, np.array(profile.shift_m))


def mujoco_camera(T_parent_camera: mink.SE3) -> tuple[np.ndarray, np.ndarray]:
    """Position and quaternion (w, x, y, z) for MuJoCo, whose cameras look along -z with y up."""
    flipped = T_parent_camera.rotation() @ mink.SO3.from_x_radians(np.pi)
    return T_parent_camera.translation(), flipped.wxyz


def lamp(profile: Profile) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The lamp under a profile: position (x, y, z) in m, its colour (r, g, b), and that of the light all around."""
    colour = profile.light * np.array(profile.light_colour)
    place = np.array(_LAMP_AT) + np.array([*profile.light_shift_m, 0.0])
    return place, np.clip(_LAMP * colour, 0.0, 1.0), np.clip(_AMBIENT * colour, 0.0, 1.0)


def _place(camera: mujoco.MjsCamera, said: mink.SE3, profile: CameraProfile | None) -> None:
    camera.pos, camera.quat = mujoco_camera(real_pose(said, profile))


def _light(spec: mujoco.MjSpec, profile: Profile) -> None:
    place, direct, ambient = lamp(profile)
    spec.worldbody.add_light(
        name="lamp", pos=place, dir=(0, 0, -1), diffuse=direct, specular=(0.1, 0.1, 0.1),
        cutoff=90.0, exponent=1.0, castshadow=True,
    )  # fmt: skip
    headlight = spec.visual.headlight
    headlight.ambient, headlight.diffuse, headlight.specular = ambient, (0.05, 0.05, 0.05), (0, 0, 0)


def _calibration(name: str, parent: str, pose: mink.SE3, fovy_deg: float, height: int, width: int) -> Calibration:
    focal = 0.5 * height / np.tan(np.deg2rad(fovy_deg) / 2)
    matrix = ((focal, 0.0, (width - 1) / 2), (0.0, focal, (height - 1) / 2), (0.0, 0.0, 1.0))
    quaternion, place = pose.rotation().wxyz, pose.translation()
    return Calibration(
        name=name, parent=parent, pose=tuple(float(x) for x in (*place, *quaternion)),
        matrix=tuple(tuple(float(x) for x in row) for row in matrix), height=height, width=width,  # type: ignore[misc]
    )  # fmt: skip

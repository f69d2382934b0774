"""A table with one camera above and a block that can be moved: small, and with nothing of a robot."""

import mink
import mujoco
import numpy as np

from enpire.core.camera import Calibration
from enpire.simulation.profile import CameraProfile, Profile
from enpire.simulation.rendering import use_fast_rendering
from enpire.simulation.sim_camera import SimCamera, sim_cameras
from enpire.simulation.world import World, new_spec

HEIGHT_M = 0.9
DOWN = mink.SO3.from_matrix(np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]))
"""Optical frame of a camera that looks straight down, the upper edge of its picture towards +x."""


def calibration(height: int = 240, width: int = 320, name: str = "top") -> Calibration:
    focal = 1.2 * height
    matrix = ((focal, 0.0, (width - 1) / 2), (0.0, focal, (height - 1) / 2), (0.0, 0.0, 1.0))
    pose = (0.3, 0.0, HEIGHT_M, *DOWN.wxyz.tolist())
    return Calibration(name=name, parent="world", pose=pose, matrix=matrix, height=height, width=width)


def spec_with_camera(names: tuple[str, ...] = ("top",)) -> mujoco.MjSpec:
    spec = new_spec()
    use_fast_rendering(spec)
    spec.worldbody.add_light(pos=(0.3, 0.0, 1.6), dir=(0, 0, -1), diffuse=(0.5, 0.5, 0.5))
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=(0.8, 0.8, 0.05), rgba=(0.7, 0.7, 0.66, 1))
    for name in names:
        spec.worldbody.add_camera(
            name=name, pos=(0.3, 0.0, HEIGHT_M), quat=(DOWN @ mink.SO3.from_x_radians(np.pi)).wxyz
        )
    return spec


def world_with_slider(speed_m_s: float = 0.0, names: tuple[str, ...] = ("top",)) -> World:
    """A green block of 40 mm that glides along y without friction."""
    spec = spec_with_camera(names)
    spec.option.gravity = (0, 0, 0)
    block = spec.worldbody.add_body(name="block", pos=(0.3, 0, 0.02))
    block.add_joint(name="slide", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=(0, 1, 0))
    block.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=(0.02, 0.02, 0.02), rgba=(0.1, 0.6, 0.2, 1), contype=0)
    world = World(spec)
    world.data.qvel[0] = speed_m_s
    return world


def only_camera(world: World, profile: CameraProfile | None = None) -> SimCamera:
    said = {"top": calibration()}
    return sim_cameras(world, said, Profile(cameras={"top": profile or CameraProfile()}))["top"]

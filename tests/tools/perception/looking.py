"""Pictures to look at: drawn by the pinhole model alone, or taken of a small scene by a camera with flaws."""

from dataclasses import replace

import mink
import mujoco
import numpy as np

from enpire.core.camera import Calibration, Frame
from enpire.simulation.profile import CameraProfile, Profile
from enpire.simulation.scene import calibrations
from enpire.simulation.sim_camera import SimCamera, sim_cameras
from enpire.simulation.table_marks import add_table_marks
from enpire.simulation.world import World
from enpire.tools.perception import t_outline
from enpire.tools.perception.pinhole import Pinhole
from enpire.tools.perception.silhouette import covered, prisms
from enpire.tools.station import DepthView
from tests.simulation.table_scene import spec_with_camera

TABLE = (183, 178, 168)
FLAWED = CameraProfile(gain=(1.06, 0.97, 1.02), blur_px=0.6, noise=2.0, depth_noise=0.003)


def said_pose(calibration: Calibration) -> mink.SE3:
    x, y, z, *quat_wxyz = calibration.pose
    return mink.SE3(np.array([*quat_wxyz, x, y, z]))


def view_of(frame: Frame, calibration: Calibration, T_world_camera: mink.SE3 | None = None) -> DepthView:
    return DepthView(frame=frame, calibration=calibration, T_world_camera=T_world_camera or said_pose(calibration))


def top(height: int = 480, width: int = 640) -> Calibration:
    return calibrations(height, width)["top"]


def drawn_t(pose: np.ndarray, calibration: Calibration) -> np.ndarray:
    """The T on an empty table, each pixel one colour; no simulator."""
    camera = Pinhole.of(calibration, said_pose(calibration))
    rows, columns = np.indices((calibration.height, calibration.width))
    pixels = np.column_stack([columns.ravel(), rows.ravel()]).astype(float)
    parts = prisms(list(t_outline.T_POLYGONS_M), t_outline.T_HEIGHT_M)
    inside = covered(camera, parts, pose, pixels).reshape(rows.shape)
    rgb = np.empty((*rows.shape, 3), np.uint8)
    rgb[:] = TABLE
    rgb[inside] = np.rint(255 * np.array(t_outline.T_COLOUR))
    return rgb


def station(height: int = 480, width: int = 640, flaws: CameraProfile = FLAWED) -> tuple[World, SimCamera]:
    """A T that can be put anywhere, round marks, and a board that can be held over it; the nominal top camera."""
    spec = spec_with_camera(())
    add_table_marks(spec)
    block = spec.worldbody.add_body(name="block", mocap=True, pos=(0.33, 0, 0))
    for polygon in t_outline.T_POLYGONS_M:
        size = np.array([*np.ptp(polygon, axis=0) / 2, t_outline.T_HEIGHT_M / 2])
        middle = (*polygon.mean(axis=0), t_outline.T_HEIGHT_M / 2)
        colour = (*t_outline.T_COLOUR, 1)
        block.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, pos=middle, size=size, rgba=colour)
    board = spec.worldbody.add_body(name="board", mocap=True, pos=(0, 0, 5.0))
    board.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=(0.03, 0.03, 0.01), rgba=(0.18, 0.18, 0.2, 1))
    said = top(height, width)
    real = said_pose(said) @ mink.SE3.from_rotation_and_translation(
        mink.SO3.exp(np.array(flaws.turn_rad)), np.array(flaws.shift_m)
    )
    quat_wxyz = (real.rotation() @ mink.SO3.from_x_radians(np.pi)).wxyz
    fovy_deg = float(np.rad2deg(2 * np.arctan(height / 2 / said.matrix[1][1])))
    spec.worldbody.add_camera(name="top", pos=real.translation(), quat=quat_wxyz, fovy=fovy_deg)
    world = World(spec)
    still = replace(flaws, delay_s=0.0, stale=0.0)
    return world, sim_cameras(world, {"top": said}, Profile(cameras={"top": still}))["top"]


def put(world: World, name: str, x: float, y: float, z: float, yaw: float = 0.0) -> None:
    body = int(world.model.body(name).mocapid[0])
    world.data.mocap_pos[body] = (x, y, z)
    world.data.mocap_quat[body] = (np.cos(yaw / 2), 0, 0, np.sin(yaw / 2))


def take(camera: SimCamera, number: int, depth: bool = False) -> DepthView:
    camera.begin_episode(number)
    return view_of(camera.look(depth=depth), camera.calibration)


def yaw_error(found: float, true: float) -> float:
    return float(abs((found - true + np.pi) % (2 * np.pi) - np.pi))

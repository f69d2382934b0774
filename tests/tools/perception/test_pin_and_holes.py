"""A box with four dark discs and a pin with an orange head, seen by a camera as near as a wrist camera."""

from dataclasses import replace

import mink
import mujoco
import numpy as np
import pytest

from enpire.core.camera import Calibration, Frame
from enpire.simulation.profile import CameraProfile, Profile
from enpire.simulation.sim_camera import SimCamera, sim_cameras
from enpire.simulation.world import World
from enpire.tools.perception import holes, pin
from enpire.tools.perception.errors import NoDepth, NotSeen
from tests.simulation.table_scene import spec_with_camera
from tests.tools.perception.looking import FLAWED, put, view_of

BOX = np.array([0.33, -0.12])
YAW = 0.2
DISCS = np.array([[0.01, 0.01], [0.01, -0.01], [-0.01, 0.01], [-0.01, -0.01]])


def true_holes() -> np.ndarray:
    cosine, sine = np.cos(YAW), np.sin(YAW)
    return BOX + DISCS @ np.array([[cosine, sine], [-sine, cosine]])


def looking_at(target: np.ndarray, distance_m: float, slant_rad: float, turn_rad: float) -> mink.SE3:
    """T_world_camera of a camera that looks at a point from above, away from the vertical by the slant."""
    forward = np.array([np.sin(slant_rad) * np.cos(turn_rad), np.sin(slant_rad) * np.sin(turn_rad), -np.cos(slant_rad)])
    right = np.cross(forward, [0.0, 0.0, 1.0]) if slant_rad > 0.01 else np.array([0.0, -1.0, 0.0])
    right /= np.linalg.norm(right)
    axes = np.column_stack([right, np.cross(forward, right), forward])
    return mink.SE3.from_rotation_and_translation(mink.SO3.from_matrix(axes), target - distance_m * forward)


def scene(T_world_camera: mink.SE3, flaws: CameraProfile = FLAWED) -> tuple[World, SimCamera]:
    height, width, focal = 480, 640, 391.0
    spec = spec_with_camera(())
    spec.worldbody.add_camera(
        name="wrist",
        pos=T_world_camera.translation(),
        quat=(T_world_camera.rotation() @ mink.SO3.from_x_radians(np.pi)).wxyz,
        fovy=63.0,
    )
    kind = mujoco.mjtGeom
    box = spec.worldbody.add_body(name="box", pos=(*BOX, 0), quat=(np.cos(YAW / 2), 0, 0, np.sin(YAW / 2)))
    box.add_geom(type=kind.mjGEOM_BOX, size=(0.02, 0.02, 0.015), pos=(0, 0, 0.015), rgba=(*holes.BOX_COLOUR, 1))
    for x, y in DISCS:
        box.add_geom(
            type=kind.mjGEOM_CYLINDER, size=(0.002, 0.0002, 0), pos=(x, y, 0.03), rgba=(0.03, 0.03, 0.04, 1)
        )  # fmt: skip
    stick = spec.worldbody.add_body(name="pin", mocap=True, pos=(0, 0, 5.0))
    stick.add_geom(type=kind.mjGEOM_CYLINDER, size=(0.004, 0.006, 0), rgba=(*pin.HEAD_COLOUR, 1))
    stick.add_geom(type=kind.mjGEOM_CYLINDER, size=(0.00185, 0.016, 0), pos=(0, 0, -0.022), rgba=(0.75, 0.76, 0.78, 1))
    world = World(spec)
    x, y, z = T_world_camera.translation()
    said = Calibration(
        name="wrist",
        parent="world",
        pose=(x, y, z, *T_world_camera.rotation().wxyz),
        matrix=((focal, 0.0, (width - 1) / 2), (0.0, focal, (height - 1) / 2), (0.0, 0.0, 1.0)),
        height=height,
        width=width,
    )
    return world, sim_cameras(world, {"wrist": said}, Profile(cameras={"wrist": flaws}))["wrist"]


@pytest.mark.usefixtures("needs_gl")
class TestHoles:
    @pytest.mark.parametrize("turn_rad", [0.0, 1.0, 2.5])
    @pytest.mark.parametrize(("distance_m", "slant_rad"), [(0.15, 0.44), (0.22, 0.3), (0.25, 0.0)])
    def test_centers_from_a_wrist_camera(self, distance_m, slant_rad, turn_rad):
        _, camera = scene(looking_at(np.array([*BOX, 0.03]), distance_m, slant_rad, turn_rad))
        found = holes.find(view_of(camera.look(), camera.calibration))
        camera.close()
        assert np.abs(found.centers_m[:, :2] - true_holes()).max() < 0.0006
        assert found.centers_m[:, 2] == pytest.approx(np.full(4, 0.03))
        assert found.yaw_rad == pytest.approx(YAW, abs=0.012)
        assert found.quality > 0.6

    def test_a_pin_in_a_hole_does_not_matter(self):
        world, camera = scene(looking_at(np.array([*BOX, 0.03]), 0.2, 0.3, 0.0))
        put(world, "pin", *true_holes()[3], 0.05)
        camera.begin_episode(0)
        found = holes.find(view_of(camera.look(), camera.calibration))
        camera.close()
        assert found.quality > 0.5
        assert np.abs(found.centers_m[:, :2] - true_holes()).max() < 0.0008

    def test_depth_takes_an_error_of_the_height_out(self):
        _, camera = scene(looking_at(np.array([*BOX, 0.03]), 0.15, 0.5, 0.3))
        frame = camera.look(depth=True)
        camera.close()
        right = view_of(frame, camera.calibration).T_world_camera
        higher = mink.SE3.from_translation(np.array([0.0, 0.0, 0.004])) @ right
        found = holes.find(view_of(frame, camera.calibration, higher))
        blind = holes.find(view_of(replace(frame, depth_m=None), camera.calibration, higher))
        assert np.abs(found.centers_m[:, :2] - true_holes()).max() < 0.0008
        assert np.abs(blind.centers_m[:, :2] - true_holes()).max() > 0.0012

    def test_no_box(self):
        _, camera = scene(looking_at(np.array([0.1, 0.3, 0.03]), 0.15, 0.3, 0.0))
        with pytest.raises(NotSeen):
            holes.find(view_of(camera.look(), camera.calibration))
        camera.close()


@pytest.mark.usefixtures("needs_gl")
class TestPin:
    def test_head_and_tilt(self):
        view_from = looking_at(np.array([*BOX, 0.05]), 0.15, 0.5, 0.3)
        world, camera = scene(view_from)
        random = np.random.default_rng(0)
        aside, high, tilt = [], [], []
        for number in range(12):
            at = np.array([*(BOX + random.uniform(-0.02, 0.02, 2)), random.uniform(0.05, 0.08)])
            lean = random.normal(0, 0.06, 2)
            turn = mink.SO3.exp(np.array([*lean, 0.0]))
            body = int(world.model.body("pin").mocapid[0])
            world.data.mocap_pos[body], world.data.mocap_quat[body] = at, turn.wxyz
            camera.begin_episode(number)
            found = pin.find(view_of(camera.look(depth=True), camera.calibration))
            aside.append(np.hypot(*(found.head_m - at)[:2]))
            high.append(abs(found.head_m[2] - at[2]))
            axis = turn.as_matrix()[:, 2]
            tilt.append(np.arccos(np.clip(axis @ found.axis, -1, 1)))
            assert found.tilt_rad == pytest.approx(np.arccos(found.axis[2])) and found.points >= 25
        camera.close()
        assert np.median(aside) < 0.0003 and max(aside) < 0.0008
        assert max(high) < 0.0005
        assert np.median(tilt) < np.deg2rad(3)

    def test_without_depth(self):
        world, camera = scene(looking_at(np.array([*BOX, 0.05]), 0.15, 0.5, 0.3))
        put(world, "pin", *BOX, 0.05)
        camera.begin_episode(0)
        frame = camera.look(depth=True)
        camera.close()
        assert frame.depth_m is not None
        blind = Frame(rgb=frame.rgb, age_s=0.0, depth_m=np.full_like(frame.depth_m, np.nan))
        for without in (blind, Frame(rgb=frame.rgb, age_s=0.0)):
            with pytest.raises(NoDepth):
                pin.find(view_of(without, camera.calibration))

    def test_no_pin(self):
        _, camera = scene(looking_at(np.array([*BOX, 0.05]), 0.15, 0.5, 0.3))
        frame = camera.look(depth=True)
        camera.close()
        with pytest.raises(NotSeen):
            pin.find(view_of(frame, camera.calibration))

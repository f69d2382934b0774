"""Cameras and lamp of a station: what is said of them, and what is."""

import mink
import mujoco
import numpy as np
import pytest

from enpire.simulation import scene
from enpire.simulation.arms import yam
from enpire.simulation.profile import CameraProfile, Profile
from enpire.simulation.world import World


def said_pose(world, calibration):
    """T_world_camera as MuJoCo has it, optical frame."""
    camera = world.data.camera(calibration.name)
    turn = mink.SO3.from_matrix(camera.xmat.reshape(3, 3)) @ mink.SO3.from_x_radians(np.pi)
    return mink.SE3.from_rotation_and_translation(turn, camera.xpos)


def parent_pose(world, calibration):
    if calibration.parent == "world":
        return mink.SE3.identity()
    body = world.data.body(f"{calibration.parent}_link6")
    return mink.SE3.from_rotation_and_translation(mink.SO3(body.xquat), body.xpos)


@pytest.mark.parametrize("name", ["top", "left_wrist", "right_wrist"])
def test_a_nominal_camera_stands_where_its_calibration_says(name):
    world = World(scene.station_spec(Profile()))
    calibration = scene.calibrations(480, 640)[name]
    pose = mink.SE3(np.array([*calibration.pose[3:], *calibration.pose[:3]]))
    apart = said_pose(world, calibration).inverse() @ parent_pose(world, calibration) @ pose
    assert np.abs(apart.log()).max() < 1e-6


def test_a_shifted_camera_moves_in_its_own_frame():
    moved = Profile(cameras={"top": CameraProfile(shift_m=(0.01, 0.0, 0.0))})
    world = World(scene.station_spec(moved))
    away = world.data.camera("top").xpos - np.array(scene.TOP_POSE)
    assert away == pytest.approx([0, -0.01, 0], abs=1e-9)  # the right of its image is -y of the world


@pytest.mark.parametrize(("height", "width"), [(480, 640), (224, 224)])
def test_the_matrix_maps_the_edges_of_the_field_of_view(height, width):
    matrix = np.array(scene.calibrations(height, width)["top"].matrix)
    half = np.tan(np.deg2rad(scene.TOP_FOVY_DEG) / 2)
    edge = matrix @ [0.0, half, 1.0]
    assert edge[1] == pytest.approx(height - 0.5)
    assert matrix[0, 0] == matrix[1, 1]


def test_the_top_camera_sees_the_workspace():
    """x .12 to .55 and |y| to .45 on the table, in the image of 640 x 480."""
    calibration = scene.calibrations(480, 640)["top"]
    pose = scene.top_in_world()
    for x in (0.12, 0.55):
        for y in (-0.45, 0.45):
            u, v, w = np.array(calibration.matrix) @ pose.inverse().apply(np.array([x, y, 0.0]))
            assert 0 <= u / w < 640 and 0 <= v / w < 480


def test_the_wrist_camera_sees_the_fingertips():
    calibration = scene.calibrations(480, 640)["left_wrist"]
    tip = np.array([0.1347, 0.0, 0.0])  # the tool in the frame of the last link
    u, v, w = np.array(calibration.matrix) @ yam.wrist_in_link6().inverse().apply(tip)
    assert w > 0.05
    assert 200 < u / w < 440 and 240 < v / w < 480


def test_friction_of_table_and_pads_is_the_station_s_whatever_the_object_says():
    spec = scene.station_spec(Profile(friction=0.31, pad_friction=0.77))
    body = spec.worldbody.add_body(name="cube", pos=(0.3, 0, 0.0199))
    body.add_freejoint()
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=(0.02, 0.02, 0.02), friction=(3.0, 0.1, 0.1))
    world = World(spec)
    assert world.data.ncon > 0
    assert {round(float(c.friction[0]), 6) for c in world.data.contact} == {0.31}
    assert all(world.model.geom(pad).friction[0] == 0.77 for pad in yam.pad_geoms("left"))


def test_light_follows_the_profile():
    bright = scene.lamp(Profile(light=1.2, light_shift_m=(0.1, -0.2)))
    plain = scene.lamp(Profile())
    assert np.allclose(bright[1], 1.2 * plain[1])
    assert np.allclose(bright[0] - plain[0], [0.1, -0.2, 0.0])

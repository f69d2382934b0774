import mink
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.core.camera import Frame
from enpire.tools.perception import cameras
from enpire.tools.perception.errors import NoDepth, NotSeen
from enpire.tools.perception.pinhole import Pinhole
from enpire.tools.station import DepthView
from tests.tools.perception.looking import said_pose, top, view_of


def blank(depth_m: np.ndarray | None = None) -> DepthView:
    calibration = top()
    rgb = np.zeros((calibration.height, calibration.width, 3), np.uint8)
    return view_of(Frame(rgb=rgb, age_s=0.0, depth_m=depth_m), calibration)


coordinate = st.floats(-0.3, 0.3)


@given(x=coordinate, y=coordinate, z=st.floats(0, 0.3))
def test_a_projected_point_comes_back_from_its_plane(x, y, z):
    point = np.array([0.3 + x, y, z])
    found = cameras.on_plane(blank(), cameras.project(blank(), point), z)
    assert found == pytest.approx(point, abs=1e-9)


def test_the_upper_edge_of_the_top_camera_is_far_from_the_arms():
    upper_left = cameras.on_plane(blank(), np.array([0.0, 0.0]))
    lower_right = cameras.on_plane(blank(), np.array([639.0, 479.0]))
    assert upper_left[0] > 0.6 and upper_left[1] > 0.4
    assert lower_right[0] < 0.0 and lower_right[1] < -0.4


def test_deproject_uses_the_measured_depth():
    depth = np.full((480, 640), 0.8, np.float32)
    depth[100, 200] = 7.0  # one wild pixel does not matter
    found = cameras.deproject(blank(depth), np.array([200.0, 100.0]))
    assert found == pytest.approx(cameras.on_plane(blank(), np.array([200.0, 100.0]), 0.1), abs=1e-6)


def test_without_depth_there_is_no_point():
    depth = np.full((480, 640), np.nan, np.float32)
    for view in (blank(depth), blank(None)):
        with pytest.raises(NoDepth, match="top has no depth at pixel 5, 6"):
            cameras.deproject(view, np.array([5.0, 6.0]))


def test_outside_of_the_picture():
    with pytest.raises(NotSeen, match="640 x 480"):
        cameras.deproject(blank(np.ones((480, 640), np.float32)), np.array([640.0, 0.0]))


def test_behind_the_camera_and_above_the_horizon():
    with pytest.raises(NotSeen, match="behind"):
        cameras.project(blank(), np.array([0.3, 0.0, 1.5]))
    with pytest.raises(NotSeen, match=r"z = 1\.5"):
        cameras.on_plane(blank(), np.array([10.0, 10.0]), 1.5)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6))
def test_jacobian_is_the_derivative_of_project(seed):
    random = np.random.default_rng(seed)
    pose = said_pose(top()) @ mink.SE3.exp(random.normal(0, 0.1, 6))
    camera = Pinhole.of(top(), pose)
    point = np.array([[0.3, 0.0, 0.05]]) + random.normal(0, 0.05, (1, 3))
    slopes = camera.jacobian(point)[0]
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = 1e-6
        measured = (camera.project(point + step) - camera.project(point - step))[0] / 2e-6
        assert slopes[:, axis] == pytest.approx(measured, rel=1e-4, abs=1e-2)


def test_cropped_camera_counts_from_the_corner():
    camera = Pinhole.of(top(), said_pose(top()))
    point = np.array([[0.3, 0.1, 0.02]])
    assert camera.cropped(30, 12).project(point) == pytest.approx(camera.project(point) - (30, 12))

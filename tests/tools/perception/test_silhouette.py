import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.tools.perception.pinhole import Pinhole
from enpire.tools.perception.polygons import within_any
from enpire.tools.perception.silhouette import covered, outline, place, prisms
from enpire.tools.perception.t_outline import T_HEIGHT_M, T_POLYGONS_M
from tests.tools.perception.looking import said_pose, top

CAMERA = Pinhole.of(top(), said_pose(top()))
T = prisms(list(T_POLYGONS_M), T_HEIGHT_M)
poses = st.tuples(st.floats(0.2, 0.45), st.floats(-0.3, 0.3), st.floats(-3.1, 3.1)).map(np.array)


@given(pose=poses)
def test_outline_lies_between_inside_and_outside(pose):
    seen = outline(CAMERA, T, pose, 3.0)
    assert np.hypot(*seen.normals.T) == pytest.approx(np.ones(len(seen.pixels)))
    assert not covered(CAMERA, T, pose, seen.pixels + 0.5 * seen.normals).any()
    assert covered(CAMERA, T, pose, seen.pixels - 0.05 * seen.normals).all()


@given(pose=poses)
def test_samples_are_points_of_the_block(pose):
    seen = outline(CAMERA, T, pose, 5.0)
    off = CAMERA.project(place(seen.points, pose)) - seen.pixels
    assert np.abs((off * seen.normals).sum(axis=1)).max() < 0.01  # on the line of the edge
    assert np.abs(off).max() < 3.0  # and nearly where it is divided evenly


def test_flat_block_from_above_has_the_perimeter_of_its_outline():
    pose = np.array([0.31, 0.0, 0.0])
    flat = prisms(list(T_POLYGONS_M), 1e-6)
    count = len(outline(CAMERA, flat, pose, 1.0).pixels)
    scale = CAMERA.matrix[0, 0] / CAMERA.place[2]
    assert count == pytest.approx(0.64 * scale, rel=0.05)  # 2 x (160 + 40) mm and 2 x 120 mm


@given(pose=poses, x=st.floats(-0.1, 0.1), y=st.floats(-0.02, 0.18))
def test_top_face_is_covered(pose, x, y):
    point = np.array([[x, y]])
    pixel = CAMERA.project(place(np.array([[x, y, T_HEIGHT_M]]), pose))
    if within_any(point, list(T_POLYGONS_M))[0]:
        assert covered(CAMERA, T, pose, pixel, slack_px=0.01)[0]

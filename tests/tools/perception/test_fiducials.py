from dataclasses import replace

import mink
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.core.camera import Frame
from enpire.simulation.table_marks import MARK_RADIUS_M, TABLE_MARKS_M
from enpire.tools.perception import fiducials, t_outline
from enpire.tools.perception.errors import NotSeen
from enpire.tools.perception.pinhole import Pinhole
from tests.tools.perception.looking import FLAWED, TABLE, put, said_pose, station, take, top, view_of

MARKS = np.array(TABLE_MARKS_M)


def drawn_marks(T_world_camera: mink.SE3, marks: np.ndarray = MARKS) -> np.ndarray:
    """Marks on an empty table as a camera at a place sees them, four samples per pixel and axis; no simulator."""
    said = top()
    camera = Pinhole.of(said, T_world_camera)
    rgb = np.empty((said.height, said.width, 3), np.uint8)
    rgb[:] = TABLE
    steps = (np.arange(4) - 1.5) / 4
    for x, y in marks:
        column, row = np.rint(camera.project(np.array([[x, y, 0.0]]))[0]).astype(int)
        columns, rows = np.meshgrid(np.arange(column - 16, column + 17), np.arange(row - 16, row + 17))
        ink = np.zeros(columns.shape)
        for down in steps:
            for right in steps:
                pixels = np.column_stack([(columns + right).ravel(), (rows + down).ravel()])
                points = camera.on_plane(pixels, 0.0)[:, :2].reshape(*columns.shape, 2)
                ink += ((points - (x, y)) ** 2).sum(axis=2) < MARK_RADIUS_M**2
        shade = np.array(TABLE) - (np.array(TABLE) - 20) * (ink / 16)[..., None]
        rgb[row - 16 : row + 17, column - 16 : column + 17] = shade
    return rgb


def on_the_table(T_world_camera: mink.SE3) -> np.ndarray:
    """Where a camera puts points of its picture on the table: what calibration is for."""
    pixels = np.array([[120.0, 80], [520, 80], [320, 240], [120, 400], [520, 400]])
    return Pinhole.of(top(), T_world_camera).on_plane(pixels, 0.0)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_moved_camera_is_found_where_it_is(seed):
    random = np.random.default_rng(seed)
    move = np.concatenate([random.uniform(-0.003, 0.003, 3), random.uniform(-0.005, 0.005, 3)])
    real = said_pose(top()) @ mink.SE3.exp(move)
    found = fiducials.refine(view_of(Frame(rgb=drawn_marks(real), age_s=0), top()), MARKS)
    before = np.abs(on_the_table(said_pose(top())) - on_the_table(real)).max()
    after = np.abs(on_the_table(found.T_world_camera) - on_the_table(real)).max()
    assert found.marks == len(MARKS) and found.rms_px < 0.1
    assert after < max(0.0002, 0.1 * before)


def test_refined_calibration_differs_in_its_pose_only():
    real = said_pose(top()) @ mink.SE3.exp(np.array([0.002, -0.001, 0.001, 0.002, -0.004, 0.003]))
    refined = fiducials.refine_extrinsics(drawn_marks(real), top(), MARKS)
    assert replace(refined, pose=top().pose) == top()
    assert on_the_table(said_pose(refined)) == pytest.approx(on_the_table(real), abs=2e-4)


def test_too_few_marks():
    rgb = drawn_marks(said_pose(top()), MARKS[:2])
    with pytest.raises(NotSeen, match="sees 2 of 6 marks"):
        fiducials.refine(view_of(Frame(rgb=rgb, age_s=0), top()), MARKS)


def test_half_hidden_marks_are_left_out():
    rgb = drawn_marks(said_pose(top()))
    center = Pinhole.of(top(), said_pose(top())).project(np.array([[*MARKS[1], 0.0]]))[0]
    rgb[: int(center[1]), int(center[0]) - 25 : int(center[0]) + 25] = (45, 45, 50)
    found = fiducials.refine(view_of(Frame(rgb=rgb, age_s=0), top()), MARKS)
    assert found.marks == 5
    assert on_the_table(found.T_world_camera) == pytest.approx(on_the_table(said_pose(top())), abs=2e-4)


def test_a_speck_where_a_mark_is_hidden_is_no_mark():
    rgb = drawn_marks(said_pose(top()), np.delete(MARKS, 1, axis=0))
    column, row = np.rint(Pinhole.of(top(), said_pose(top())).project(np.array([[*MARKS[1], 0.0]]))[0]).astype(int)
    rgb[row + 4 : row + 9, column + 3 : column + 8] = 20
    assert fiducials.refine(view_of(Frame(rgb=rgb, age_s=0), top()), MARKS).marks == 5


@pytest.mark.usefixtures("needs_gl")
def test_marks_undo_the_hidden_shift_of_a_simulated_camera():
    flaws = replace(FLAWED, shift_m=(0.002, -0.0015, 0.001), turn_rad=(0.004, -0.005, 0.003))
    world, camera = station(flaws=flaws)
    put(world, "block", 0.3, -0.1, 0.0, 0.4)
    view = take(camera, 0)
    refined = fiducials.refine(view, MARKS)
    before = t_outline.find(view)
    after = t_outline.find(view, T_world_camera=refined.T_world_camera)
    camera.close()
    assert np.hypot(before.x_m - 0.3, before.y_m + 0.1) > 0.003
    assert np.hypot(after.x_m - 0.3, after.y_m + 0.1) < 0.001

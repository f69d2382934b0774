"""The camera's verdict against the truth on a real-like station."""

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.verifier.pin_insertion import case
from mink import SE3, SO3

from enpire.core.records import Verdict
from enpire.environment.station_task import StationTask
from enpire.tasks._pin import facts, judge, objects
from enpire.tools.kinematics import mink_ik

VIEW_M = facts.HEAD_IN_M + 0.055
DOWN = mink_ik.vertical(0.0, 0.0, 0.0, facts.YAW_RAD).rotation()


def lay(task: StationTask, pin: SE3) -> np.ndarray:
    """The open hand above the box and the pin somewhere; returns the hold action."""
    task.reset(seed=1)
    assert task.setup is not None
    world, robot, arm = task.setup.world, task.setup.robot, task.setup.cell.arms["right"]
    above = mink_ik.vertical(*objects.HOLES_M[facts.HOLE], VIEW_M, facts.YAW_RAD)
    pose = np.array([*facts.REST, *mink_ik.solve(arm, above).q, 0.35])
    robot.place(pose)
    joint = world.model.joint("pin").id
    place, motion = world.model.jnt_qposadr[joint], world.model.jnt_dofadr[joint]
    world.data.qpos[place : place + 7] = (*pin.translation(), *pin.rotation().wxyz)
    world.data.qvel[motion : motion + 6] = 0.0
    for _ in range(40):
        robot.send_action(pose)
        world.advance(0.01)
    task.setup.begin(0)
    return np.array([*task.setup.drive.target[:-1], pose[-1]])


def looked(task: StationTask, action: np.ndarray) -> Verdict:
    """The verdict of the judge's first look."""
    for _ in range(40):
        task.step(action)
        if "pin_seen" in task.verify().evidence or task.verify().success is None:
            break
    return task.verify()


def hole(task: StationTask, number: int) -> np.ndarray:
    assert task.setup is not None
    return np.array(task.setup.world.data.geom(f"hole{number}").xpos[:2])


@pytest.mark.parametrize(
    ("number", "aside_m", "height_m", "rotation", "success"),
    [
        (facts.HOLE, (0.0, 0.0), facts.HEAD_IN_M, DOWN, True),
        (1, (0.0, 0.0), facts.HEAD_IN_M, DOWN, False),
        (2, (0.0, 0.0), facts.HEAD_IN_M, DOWN, False),
        (facts.HOLE, (-0.01, -0.01), objects.BOX_HEIGHT_M + 0.006, SO3.from_y_radians(np.pi / 2), False),
        (facts.HOLE, (-0.05, -0.03), 0.006, SO3.from_y_radians(np.pi / 2), False),
    ],
    ids=["in its hole", "in the hole to the right", "in the nearer hole", "lying on the box", "lying on the table"],
)
def test_the_verdict_on_a_released_pin_is_the_truth(
    station: StationTask,
    number: int,
    aside_m: tuple[float, float],
    height_m: float,
    rotation: SO3,
    success: bool,
) -> None:
    point = np.array([*(hole_of(station, number) + aside_m), height_m])
    verdict = looked(station, lay(station, SE3.from_rotation_and_translation(rotation, point)))
    assert station.sealed()["success"] == float(success)
    assert bool(verdict.success) == success


def hole_of(task: StationTask, number: int) -> np.ndarray:
    """Where a hole really is."""
    task.reset(seed=1)
    return hole(task, number)


def test_a_held_pin_above_the_box_is_no_success_and_little_progress(station: StationTask) -> None:
    station.reset(seed=2)
    assert station.setup is not None
    for _ in range(30):
        station.step(station.setup.drive.target)
    verdict = station.verify()
    assert verdict.success is False
    assert verdict.progress < 0.2


def test_what_the_judge_says_holds_no_truth(station: StationTask) -> None:
    inside = SE3.from_rotation_and_translation(DOWN, np.array([*hole_of(station, facts.HOLE), facts.HEAD_IN_M]))
    evidence = looked(station, lay(station, inside)).evidence
    assert "pin_aside_m" in evidence
    assert not {"aside_m", "tip_above_floor_m", "tilt_rad"} & evidence.keys()


@pytest.mark.parametrize(("lost_px", "seen"), [(6, True), (12, True), (40, False)])
def test_a_head_at_the_edge_of_the_picture_is_judged_by_what_is_seen_of_its_top(station, lost_px, seen):
    case(station, "held, inserted", np.random.default_rng(2))
    view = station.setup.cell.station().depth_view(judge.CAMERA)
    whole = judge.pin_on_box(view)
    orange = judge._shares(view).reshape(240, 320, 3)
    rows = np.flatnonzero(((orange[..., 0] > judge._ORANGE) & (orange[..., 2] < judge._NOT_BLUE)).sum(axis=1) > 8)
    last = 2 * int(rows.max()) + 1 - lost_px
    frame = replace(view.frame, rgb=view.frame.rgb[:last], depth_m=view.frame.depth_m[:last])
    cut = judge.pin_on_box(replace(view, frame=frame))
    if not seen:
        assert cut is None
        return
    off = cut - whole
    assert abs(off[2]) < 0.0006 and np.hypot(*off[:2]) < 0.0012

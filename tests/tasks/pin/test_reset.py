"""The robot puts the pin into its hole, grips it anew and holds it above; a lost pin needs a person, and is counted."""

from collections.abc import Callable

import numpy as np
import pytest

from enpire.core.errors import ResetFailed
from enpire.environment.station_task import StationTask
from enpire.tasks._pin import facts, objects
from enpire.tasks._pin.scenario import grip_offset_m, start_pose

Open = Callable[..., StationTask]


def test_the_robot_grips_the_pin_anew_and_a_lost_pin_needs_a_person(open_station: Open) -> None:
    task = open_station(fast_reset=0, level=2, station_seed=1)
    task.reset(seed=20)
    _, info = task.reset(seed=21)
    assert task.setup is not None
    world = task.setup.world
    head = world.data.body("pin").xpos - world.data.site("right_tool").xpos
    truth = task.sealed()
    assert (info["assists"], task.assisted) == (0, "")
    assert info["reset_s"] > 5.0
    assert head[0] == pytest.approx(grip_offset_m(21), abs=0.0025)
    assert truth["aside_m"] < 0.02
    assert truth["tip_above_floor_m"] > objects.HOLE_DEPTH_M
    place = world.model.jnt_qposadr[world.model.joint("pin").id]
    world.data.qpos[place : place + 3] = (0.5, 0.3, 0.02)  # out of the grip, out of sight
    _, info = task.reset(seed=22)
    assert info["assists"] == 1
    assert info["reset_s"] > 60.0
    assert task.assisted
    closed = task.setup.drive.target.copy()
    closed[-1] = 0.0
    for _ in range(12):  # the hand was open before the person came; it must not open again
        task.step(closed)
    slip = world.data.body("pin").xpos - world.data.site("right_tool").xpos - (grip_offset_m(22), 0.0, 0.0)
    assert np.abs(slip).max() < 0.001


def test_a_reset_without_a_pin_says_so(open_station: Open) -> None:
    task = open_station(level=2, station_seed=3)
    task.reset(seed=20)
    assert task.setup is not None
    world = task.setup.world
    place = world.model.jnt_qposadr[world.model.joint("pin").id]
    world.data.qpos[place : place + 3] = (0.5, 0.3, 0.02)
    with pytest.raises(ResetFailed, match="no pin stands in a hole"):
        task._scenario.reset(task.setup.cell, 21)


def test_start_poses_and_grips_follow_from_the_seed() -> None:
    middle = np.array([*objects.HOLES_M[facts.HOLE], facts.HEAD_HOVER_M])
    offs = np.array([start_pose(seed).translation() - middle for seed in range(40)])
    grips = np.array([grip_offset_m(seed) for seed in range(40)])
    assert np.array_equal(offs[3], start_pose(3).translation() - middle)
    assert len(np.unique(grips)) == 40
    assert np.abs(grips).max() <= facts.GRIP_M
    assert np.linalg.norm(offs[:, :2], axis=1).max() <= facts.JITTER_M
    assert np.linalg.norm(offs[:, :2], axis=1).max() > 0.7 * facts.JITTER_M

"""The robot brings the block back itself; a person is called, and counted, where it cannot."""

from collections.abc import Callable

import numpy as np

from enpire.environment.station_task import StationTask
from enpire.tasks._push_t import block
from enpire.tasks._push_t.scenario import START_TOLERANCE_M, START_TOLERANCE_RAD, PushT


def test_the_robot_brings_the_block_from_its_goal_to_the_start(open_station: Callable[..., StationTask]) -> None:
    task = open_station(fast_reset=0, level=2, station_seed=1)
    task.reset(seed=20)
    world = task.setup.world
    block.put(world.model, world.data, np.array(block.GOAL))
    world.refresh()
    _, info = task.reset(seed=21)
    truth = task.sealed()
    pose = np.array([truth["block_x_m"], truth["block_y_m"], truth["block_yaw_rad"]])
    scenario = task._scenario
    assert isinstance(scenario, PushT)
    away_m, turned_rad = block.error(pose, scenario.start(21))
    assert info["assists"] == 0
    assert info["reset_s"] > 5.0
    assert away_m < START_TOLERANCE_M + 0.001
    assert turned_rad < START_TOLERANCE_RAD + np.radians(1.0)


def test_a_block_out_of_reach_needs_a_person_and_that_is_counted(open_station: Callable[..., StationTask]) -> None:
    task = open_station(fast_reset=0, level=0)
    task.reset(seed=20)
    world = task.setup.world
    block.put(world.model, world.data, np.array([0.5, 0.3, 0.0]))
    world.refresh()
    _, info = task.reset(seed=21)
    assert info["assists"] == 1
    assert "block" in task.assisted
    assert info["reset_s"] > 60.0


def test_start_poses_follow_from_the_seed_and_differ(open_station: Callable[..., StationTask]) -> None:
    task = open_station()
    scenario = task._scenario
    assert isinstance(scenario, PushT)
    poses = np.array([scenario.start(seed) for seed in range(20)])
    assert np.array_equal(poses[3], scenario.start(3))
    assert len(np.unique(poses[:, 0])) == 20
    assert all(abs(float(block.wrap(yaw - np.pi))) < np.radians(9.0) + 1e-9 for yaw in poses[:, 2])

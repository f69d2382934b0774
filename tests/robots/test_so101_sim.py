"""The SO-101: hobby servos with play."""

import mink
import numpy as np
import pytest

from enpire.robots.so101_sim import So101Sim, describe
from enpire.simulation.arms import so101
from enpire.simulation.draw import SO101_PLAY_DEG, draw
from enpire.simulation.profile import Profile
from enpire.simulation.world import World

HOME = np.array(so101.HOME)
BASES = {"left": mink.SE3.identity()}


def station(profile=None):
    profile = profile or Profile()
    world = World(so101.table_spec(profile, BASES))
    robot = So101Sim(world, profile)
    robot.connect()
    robot.place(HOME)
    return world, robot


def ticks(world, robot, command, n):
    for _ in range(n):
        robot.send_action(command)
        world.advance(0.01)


def test_it_follows():
    world, robot = station()
    goal = HOME + np.array([0.3, 0.2, -0.2, 0.1, 0.4, 0.5])
    ticks(world, robot, goal, 150)
    assert np.abs(robot.get_observation()["observation.state"] - goal).max() < 0.01


def test_jaws_open_and_close_between_0_and_1():
    world, robot = station()
    command = HOME.copy()
    command[-1] = 1.0
    ticks(world, robot, command, 150)
    assert world.data.joint("left_gripper").qpos[0] == pytest.approx(so101.JAW_RAD[1], abs=0.01)
    ticks(world, robot, HOME, 150)
    assert world.data.joint("left_gripper").qpos[0] == pytest.approx(so101.JAW_RAD[0], abs=0.02)


def test_the_force_of_the_jaw_is_the_servo_s_torque_over_its_lever():
    world, robot = station()
    command = HOME.copy()
    command[-1] = 0.5
    ticks(world, robot, command, 100)
    robot.fail("blocked_gripper", 10.0)
    ticks(world, robot, HOME, 100)
    force = robot.get_observation()["observation.effort"][-1]
    assert -describe().effort[-1] * 1.001 <= force < -0.9 * describe().effort[-1]


def test_its_joints_have_half_a_degree_of_play_to_each_side():
    profile = draw(11, 2, arms=("left",), joints=so101.JOINTS, play_deg=SO101_PLAY_DEG)
    world, robot = station(profile)
    assert np.rad2deg(profile.arms["left"].backlash_rad) == pytest.approx(0.9, abs=0.1)
    turn = HOME.copy()
    ends = []
    for goal in (0.3, 0.28, -0.3, 0.28):
        turn[0] = goal
        ticks(world, robot, turn, 200)
        ends.append(float(world.data.joint("left_joint1").qpos[0]))
    lost = ends[1] - ends[3]  # the same target from above and from below
    assert np.rad2deg(lost) == pytest.approx(np.rad2deg(profile.arms["left"].backlash_rad[0]), abs=0.15)


def test_it_sags_because_nothing_carries_its_weight():
    world, robot = station()
    ticks(world, robot, HOME, 200)
    assert abs(robot.get_observation()["observation.effort"][1]) > 0.1

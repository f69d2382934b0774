"""What a driver of YAM arms does: commands, readings, watchdog, stop, park, faults."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.core.errors import BadInput, StationFault
from enpire.robots._simulated.heat import Heat
from enpire.robots.yam_sim import YamSim, describe
from enpire.simulation import scene
from enpire.simulation.arms import yam
from enpire.simulation.draw import draw
from enpire.simulation.profile import ArmProfile, Profile
from enpire.simulation.world import World

HOME = np.array(yam.HOME * 2)


def station(profile=None, **arguments):
    profile = profile or Profile()
    world = World(scene.station_spec(profile))
    robot = YamSim(world, profile, **arguments)
    robot.connect()
    robot.place(HOME)
    return world, robot


def ticks(world, robot, command, n):
    for _ in range(n):
        robot.send_action(command)
        world.advance(0.01)


def at(**values):
    command = HOME.copy()
    for name, value in values.items():
        command[describe().action.names.index(name)] = value
    return command


def test_it_says_what_it_is():
    robot = describe()
    assert robot.action.names[0] == "left_joint1_rad"
    assert robot.action.names[6] == "left_gripper_opening"
    assert robot.action.names[13] == "right_gripper_opening"
    lengths = {len(x) for x in (robot.action.low, robot.action.most_change, robot.velocity, robot.effort)}
    assert lengths == {14}
    assert robot.cameras == ("left_wrist", "right_wrist")


def test_at_level_0_readings_are_the_truth_and_commands_are_obeyed_in_the_same_tick():
    world, robot = station(draw(4, 0))
    robot.send_action(at(left_joint1_rad=0.03))
    world.advance(0.01)
    assert world.data.actuator("left_joint1").ctrl[0] == 0.03
    assert robot.get_observation()["observation.state"][0] == world.data.joint("left_joint1").qpos[0]
    assert robot.get_observation()["observation.effort"][0] == world.data.actuator("left_joint1").force[0]


def test_it_follows_and_comes_to_rest_near_its_target():
    world, robot = station()
    goal = at(left_joint2_rad=1.2, right_joint3_rad=0.9, right_gripper_opening=0.5)
    ticks(world, robot, goal, 150)
    error = np.abs(robot.get_observation()["observation.state"] - goal)
    assert error.max() < 0.02  # the camera's weight and dry friction remain
    assert robot.health().state == "ready"


@pytest.mark.parametrize(
    "action",
    [np.zeros(13), np.zeros((1, 14)), np.full(14, "x"), np.zeros(14, complex), np.array([None] * 14)],
    ids=["short", "matrix", "text", "complex", "object"],
)
def test_an_action_that_is_not_14_numbers_is_refused(action):
    _, robot = station()
    with pytest.raises(BadInput, match="14 numbers"):
        robot.send_action(action)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named_and_nothing_is_sent(value):
    world, robot = station()
    with pytest.raises(BadInput, match="right_joint2_rad"):
        robot.send_action(at(left_joint1_rad=0.03, right_joint2_rad=value))
    before = world.data.ctrl.copy()
    world.advance(0.01)
    assert (world.data.ctrl == before).all()


def test_what_was_really_sent_is_inside_limits_and_steps():
    world, robot = station()
    sent = robot.send_action(at(left_joint1_rad=9.0, right_gripper_opening=-3.0))
    assert sent[0] == pytest.approx(yam.VELOCITY[0] * 0.01)
    assert sent[13] == 0.0
    for _ in range(100):
        world.advance(0.01)
        sent = robot.send_action(at(left_joint1_rad=9.0))
    assert sent[0] == yam.JOINT_HIGH[0]


def test_the_caller_s_array_is_left_alone():
    _, robot = station()
    command = at(left_joint1_rad=5.0)
    kept = command.copy()
    sent = robot.send_action(command)
    sent[:] = 7.0
    assert (command == kept).all()
    assert robot.send_action(HOME)[0] != 7.0


def test_latency_is_whole_ticks():
    world, robot = station(Profile(latency_s=0.03))
    seen = []
    for _ in range(6):
        robot.send_action(at(left_joint1_rad=0.02))
        world.advance(0.01)
        seen.append(float(world.data.actuator("left_joint1").ctrl[0]))
    assert seen == [0.0, 0.0, 0.0, 0.02, 0.02, 0.02]


def test_readings_are_off_by_the_zero_offset_and_commands_mean_readings():
    offset = (0.01, 0.0, 0.0, 0.0, 0.0, 0.0)
    world, robot = station(Profile(arms={"left": ArmProfile(zero_offset_rad=offset)}))
    assert robot.get_observation()["observation.state"][0] == pytest.approx(0.01)
    ticks(world, robot, at(left_joint1_rad=0.2), 200)
    assert world.data.joint("left_joint1").qpos[0] == pytest.approx(0.19, abs=2e-3)


def test_play_eats_the_beginning_of_a_reversal():
    play = (0.02, 0.0, 0.0, 0.0, 0.0, 0.0)
    world, robot = station(Profile(arms={"left": ArmProfile(backlash_rad=play)}))
    motor = world.data.actuator("left_joint1")
    ticks(world, robot, at(left_joint1_rad=0.2), 100)
    assert motor.ctrl[0] == pytest.approx(0.19)
    ticks(world, robot, at(left_joint1_rad=0.185), 20)
    assert motor.ctrl[0] == pytest.approx(0.19)  # the gap is not closed yet
    ticks(world, robot, at(left_joint1_rad=0.15), 100)
    assert motor.ctrl[0] == pytest.approx(0.16)
    reading, true = robot.get_observation()["observation.state"][0], world.data.joint("left_joint1").qpos[0]
    assert abs(reading - true) <= 0.01 + 1e-9


def test_effort_readings_are_noisy_by_as_much_as_the_profile_says():
    world, robot = station(Profile(arms={"left": ArmProfile(effort_noise_nm=0.05)}))
    errors = []
    for _ in range(400):
        robot.send_action(HOME)
        world.advance(0.01)
        errors.append(robot.get_observation()["observation.effort"][0] - world.data.actuator("left_joint1").force[0])
    assert 0.04 < np.std(errors) < 0.06
    assert abs(np.mean(errors)) < 0.01


def test_looking_changes_nothing():
    def run(looks):
        world, robot = station(draw(2, 3))
        robot.begin_episode(1)
        for tick in range(40):
            robot.send_action(at(left_joint1_rad=0.02 * tick))
            for _ in range(looks):
                reading = robot.get_observation()
                robot.health()
            world.advance(0.01)
        return world.capture().tobytes(), reading["observation.effort"].tobytes()

    assert run(1) == run(3)


def test_without_commands_the_motors_damp_after_400_ms():
    world, robot = station()
    ticks(world, robot, at(left_joint2_rad=1.3), 30)
    for _ in range(39):
        world.advance(0.01)
    assert world.data.actuator("left_joint2").ctrl[0] == 1.3
    world.advance(0.01)
    world.advance(0.01)
    assert world.data.actuator("left_joint2").ctrl[0] != 1.3
    assert "no command" in robot.health().detail
    for _ in range(50):
        world.advance(0.01)
    assert np.abs(world.data.qvel).max() < 0.15  # it sinks: nobody carries the camera
    ticks(world, robot, at(left_joint2_rad=1.3), 100)
    assert robot.health().detail == ""
    assert robot.get_observation()["observation.state"][1] == pytest.approx(1.3, abs=0.02)


def test_a_robot_that_was_never_commanded_holds():
    world, robot = station()
    for _ in range(100):
        world.advance(0.01)
    assert robot.health().state == "ready"
    assert np.abs(robot.get_observation()["observation.state"] - HOME).max() < 0.01


def test_when_every_command_is_lost_the_arm_stays():
    world, robot = station(Profile(dropped=1.0))
    ticks(world, robot, at(left_joint1_rad=0.5), 60)
    assert abs(world.data.joint("left_joint1").qpos[0]) < 0.01


def test_stop_brakes_and_holds():
    world, robot = station()
    for tick in range(60):
        robot.send_action(at(left_joint1_rad=0.015 * tick))
        world.advance(0.01)
    speed = abs(robot.get_observation()["observation.velocity"][0])
    assert speed > 1.0
    began = robot.get_observation()["observation.state"][0]
    robot.stop()
    for _ in range(50):
        world.advance(0.01)
    reading = robot.get_observation()
    assert np.abs(reading["observation.velocity"]).max() < 0.03
    assert reading["observation.state"][0] - began < 0.4
    assert robot.health().state == "stopped"
    rest = reading["observation.state"]
    for _ in range(100):
        world.advance(0.01)
    assert np.abs(robot.get_observation()["observation.state"] - rest).max() < 0.01


def test_park_goes_home_slowly_and_keeps_the_grippers():
    world, robot = station()
    away = at(left_joint1_rad=0.5, left_joint2_rad=1.4, left_gripper_opening=0.7)
    ticks(world, robot, away, 200)
    robot.park()
    fastest = 0.0
    for _ in range(300):
        world.advance(0.01)
        fastest = max(fastest, float(np.abs(robot.get_observation()["observation.velocity"]).max()))
    reading = robot.get_observation()["observation.state"]
    assert np.abs(reading[:6] - HOME[:6]).max() < 0.01
    assert reading[6] == pytest.approx(0.7, abs=0.01)
    assert fastest < 0.7
    assert robot.health().state == "parked"


def test_a_silent_robot_raises_damps_and_comes_back():
    world, robot = station()
    ticks(world, robot, at(left_joint1_rad=0.2), 20)
    robot.fail("silent", 1.0)
    with pytest.raises(StationFault, match="does not answer"):
        robot.get_observation()
    with pytest.raises(StationFault, match="does not answer"):
        robot.send_action(HOME)
    assert robot.health().state == "fault"
    robot.stop()
    for _ in range(101):
        world.advance(0.01)
    assert np.abs(world.data.qvel).max() < 0.05
    assert np.abs(robot.get_observation()["observation.state"] - HOME).max() < 0.4


def test_commands_in_flight_are_lost_when_the_robot_falls_silent():
    world, robot = station(Profile(latency_s=0.03))
    robot.send_action(at(left_joint1_rad=0.04))
    robot.fail("silent", 0.05)
    for _ in range(12):
        world.advance(0.01)
    assert abs(world.data.actuator("left_joint1").ctrl[0]) < 0.01


def test_a_stuck_joint_stays_while_the_others_move():
    world, robot = station()
    robot.fail("stuck_joint", 1.0, "left_joint2_rad")
    goal = at(left_joint1_rad=0.4, left_joint2_rad=1.4)
    ticks(world, robot, goal, 90)
    reading = robot.get_observation()
    assert reading["observation.state"][1] == pytest.approx(1.047, abs=0.01)
    assert reading["observation.state"][0] == pytest.approx(0.4, abs=0.02)
    assert reading["observation.effort"][1] > 20.0
    ticks(world, robot, goal, 150)
    assert robot.get_observation()["observation.state"][1] == pytest.approx(1.4, abs=0.02)


def test_a_blocked_gripper_stalls():
    world, robot = station()
    ticks(world, robot, at(right_gripper_opening=0.6), 60)
    robot.fail("blocked_gripper", 1.0, "right_gripper_opening")
    ticks(world, robot, HOME, 60)
    assert robot.get_observation()["observation.state"][13] == pytest.approx(0.6, abs=0.01)
    assert "right_gripper" in robot.health().detail
    ticks(world, robot, HOME, 100)
    assert robot.get_observation()["observation.state"][13] < 0.02


@pytest.mark.parametrize(
    ("kind", "name"), [("melts", ""), ("stuck_joint", "left_gripper_opening"), ("stuck_joint", "x")]
)
def test_a_failure_that_does_not_exist_is_refused(kind, name):
    _, robot = station()
    with pytest.raises(BadInput):
        robot.fail(kind, 1.0, name)


def test_it_must_be_connected():
    world = World(scene.station_spec(Profile()))
    robot = YamSim(world, Profile())
    with pytest.raises(StationFault, match="connect"):
        robot.get_observation()
    with pytest.raises(StationFault, match="connect"):
        robot.send_action(HOME)
    assert robot.health().state == "stopped"


def test_two_drivers_do_not_share_an_arm():
    world, robot = station()
    other = YamSim(world, Profile())
    with pytest.raises(StationFault, match="in use"):
        other.connect()
    robot.disconnect()
    robot.disconnect()
    other.connect()
    ticks(world, other, at(left_joint1_rad=0.1), 100)
    assert other.get_observation()["observation.state"][0] == pytest.approx(0.1, abs=0.01)


def test_a_scene_without_the_arm_is_refused():
    world = World(scene.station_spec(Profile(), arms={"left": scene.ARM_BASES["left"]}))
    with pytest.raises(BadInput, match="right_joint1"):
        YamSim(world, Profile())


@pytest.mark.parametrize("force_n", [0.0, -1.0, 51.0, float("nan")])
def test_a_gripper_force_out_of_range_is_refused(force_n):
    with pytest.raises(BadInput, match="gripper_force_n"):
        station(gripper_force_n=force_n)


def test_a_drifted_profile_is_taken_over():
    _, robot = station()
    robot.renew(Profile(arms={"left": ArmProfile(zero_offset_rad=(0.005,) * 6)}))
    assert robot.get_observation()["observation.state"][0] == pytest.approx(0.005)


def test_an_episode_begins_with_what_the_gripper_holds():
    """Beginning an episode does not let go of an object between the pads."""
    world, robot = station()
    ticks(world, robot, at(right_gripper_opening=0.6), 60)
    robot.fail("blocked_gripper", 100.0, "right_gripper_opening")
    ticks(world, robot, HOME, 60)
    robot.begin_episode(3)
    for _ in range(30):
        world.advance(0.01)
    assert robot.get_observation()["observation.effort"][13] < -6.0


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    level=st.sampled_from([0, 2, 3]),
    scale=st.sampled_from([0.01, 0.3, 3.0, 1e6]),
)
def test_no_command_breaks_the_arms_or_presses_too_hard(seed, level, scale):
    world, robot = station(draw(seed % 97, level))
    robot.begin_episode(seed)
    chance = np.random.default_rng(seed)
    low, high = np.array(describe().action.low), np.array(describe().action.high)
    limit = np.array(describe().effort) + 0.5  # noise of the reading
    for _ in range(40):
        sent = robot.send_action(chance.normal(HOME, scale))
        assert (sent >= low).all() and (sent <= high).all()
        world.advance(0.01)
        assert (np.abs(robot.get_observation()["observation.effort"]) <= limit).all()


def test_motors_that_carry_weight_are_warmer_and_pushing_hard_for_long_is_a_fault():
    world, robot = station()
    ticks(world, robot, HOME, 100)
    health = robot.health()
    assert health.state == "ready" and set(health.temperature_c) == set(describe().action.names)
    assert 25.0 <= health.temperature_c["left_joint1_rad"] < health.temperature_c["left_joint2_rad"] < 26.0
    robot.fail("stuck_joint", 1e6, "left_joint4_rad")
    command = at(left_joint4_rad=0.13)  # 40 Nm/rad and the weight: some 7 Nm, more than twice what is rated
    for _ in range(12):
        ticks(world, robot, command, 100)
    early = robot.health()
    assert early.state != "fault"
    assert early.temperature_c["left_joint4_rad"] > 30.0
    for _ in range(120):
        ticks(world, robot, command, 100)
    health = robot.health()
    assert health.state == "fault"
    assert health.detail.startswith("too hot: left_joint4_rad 1") and "left_joint1" not in health.detail
    robot.send_action(HOME)  # it is obeyed still


def test_a_motor_cools_down_with_its_time_constant():
    heat = Heat((9.0, 3.0))
    heat.work(np.array([9.0, 0.0]), 1e5)
    assert heat.temperature_c == pytest.approx([75.0, 25.0])
    for _ in range(100):
        heat.work(np.zeros(2), 3.0)
    assert heat.temperature_c == pytest.approx([25.0 + 50.0 / np.e, 25.0])

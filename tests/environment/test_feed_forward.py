"""An arm that is led goes where it is commanded; one that is not is late and swings."""

import numpy as np
import pytest

from enpire.core.errors import BadInput
from enpire.environment.drive import Drive
from enpire.environment.feed_forward import FeedForward
from enpire.environment.safety.clearance import Clearance
from enpire.environment.safety.gate import Command, Gate
from enpire.environment.safety.limits import SafetyLimits
from enpire.robots.yam_sim import YamSim
from enpire.simulation import scene
from enpire.simulation.arms import yam
from enpire.simulation.draw import draw
from enpire.simulation.world import World

HOME = np.array(yam.HOME * 2)
ARMS = tuple(scene.ARM_BASES)
FREE = SafetyLimits(
    low=(*yam.JOINT_LOW, 0.0) * 2,
    high=(*yam.JOINT_HIGH, 1.0) * 2,
    velocity=(2.0,) * 14,
    acceleration=(8.0,) * 14,
    jerk=(200.0,) * 14,
    box_low_m=(-9.0, -9.0, -9.0),
    box_high_m=(9.0, 9.0, 9.0),
    table_m=-9.0,
    clearance_m=-9.0,
)


def lead() -> FeedForward:
    return FeedForward(yam.nominal_model(scene.ARM_BASES), ARMS, stiffness=yam.KP, damping=yam.KD)


def beyond_the_stop(feed_forward: FeedForward | None) -> float:
    """How far the first five joints of an arm of level 0 shoot over a goal that they are told at once, rad."""
    profile = draw(1, 0)
    world = World(scene.station_spec(profile))
    robot = YamSim(world, profile)
    robot.place(HOME)
    robot.connect()
    drive = Drive(
        world, robot, Gate(FREE, Clearance(yam.nominal_model(scene.ARM_BASES), ARMS, FREE)), 0.0, feed_forward
    )
    drive.begin()
    goal = HOME.copy()
    goal[[0, 1, 2, 3]] += (0.8, 0.6, 0.4, 0.4)
    seen = []
    for _ in range(60):
        drive.step(goal)
        seen.append(world.data.qpos[[int(world.model.joint(f"left_joint{i}").qposadr[0]) for i in (1, 2, 3, 4)]])
    return float((np.array(seen) - goal[:4]).max())


def test_an_arm_that_is_led_does_not_shoot_over_its_goal() -> None:
    assert beyond_the_stop(None) > 0.03
    assert beyond_the_stop(lead()) < 0.01


def test_at_rest_the_motors_are_told_the_command() -> None:
    rest = Command(HOME, np.zeros(14), np.zeros(14), ())
    assert (lead().target(rest) == HOME).all()


def test_a_motion_about_the_vertical_is_led_by_damping_and_inertia() -> None:
    velocity, acceleration = np.zeros(14), np.zeros(14)
    velocity[0], acceleration[0] = 1.0, 2.0
    ahead = lead().target(Command(HOME, velocity, np.zeros(14), ())) - HOME
    assert ahead[0] == pytest.approx(yam.KD[0] / yam.KP[0], rel=0.01)
    more = lead().target(Command(HOME, velocity, acceleration, ())) - HOME
    inertia = (more[0] - ahead[0]) * yam.KP[0] / acceleration[0]
    assert 0.1 < inertia < 1.0  # about 3.6 kg at up to 0.5 m
    assert not more[7:].any() and not more[6]


def test_gains_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadInput, match="gains"):
        FeedForward(yam.nominal_model(scene.ARM_BASES), ARMS, stiffness=yam.KP[:5], damping=yam.KD)

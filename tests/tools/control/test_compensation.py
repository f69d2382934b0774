import numpy as np
import pytest
from mink import SE3

from enpire.simulation.profile import Profile
from enpire.tools.control import compensation
from enpire.tools.control.compensation import Gains
from tests.tools.control.rig import PERIOD_S, SAGGING, Rig, target
from tests.tools.robot import HOME_RAD, left

TARGETS = [target(0.33, 0.2, 0.08), target(0.4, 0.35, 0.05, 0.7), target(0.25, 0.12, 0.06, -0.5)]


def error_mm(rig, pose):
    return 1000 * np.linalg.norm(rig.tool() - pose.translation())


def settle(rig, pose, reading, seconds=4.0, ticks=(1,)):
    state = compensation.start(left(), rig.sent[:6], reading.q)
    k = 0
    while rig.world.time_s < 1e9 and seconds > 0:
        period = ticks[k % len(ticks)]
        state, q = compensation.step(state, left(), reading.q, pose, PERIOD_S if ticks == (1,) else 1 / 30)
        reading = rig.go(q, ticks=period)
        seconds -= period * PERIOD_S
        k += 1
    return state


@pytest.mark.parametrize("profile", [Profile(), SAGGING], ids=["nominal", "sagging"])
@pytest.mark.parametrize("ticks", [(1,), (3, 3, 4)], ids=["100 Hz", "30 Hz"])
def test_an_arm_that_misses_by_millimetres_comes_within_a_fraction(profile, ticks):
    before, after = [], []
    for pose in TARGETS:
        rig = Rig(profile)
        reading = rig.travel(pose)
        before.append(error_mm(rig, pose))
        state = settle(rig, pose, reading, ticks=ticks)
        after.append(error_mm(rig, pose))
        assert state.arrived
        assert state.position_error_m < 0.3e-3
    assert min(before) > 2.5
    assert max(after) < 0.3


def test_a_move_ends_at_its_target():
    rig, pose = Rig(SAGGING), TARGETS[0]
    reading = rig.travel(pose)
    further = SE3.from_rotation_and_translation(pose.rotation(), pose.translation() + np.array([0.05, -0.08, 0.03]))
    state = settle(rig, further, reading, seconds=6.0)
    assert state.arrived
    assert error_mm(rig, further) < 0.4


def test_the_first_command_is_the_one_in_force():
    rig = Rig(SAGGING)
    reading = rig.travel(TARGETS[0])
    state = compensation.start(left(), rig.sent[:6], reading.q)
    here = left().forward(reading.q)
    _, q = compensation.step(state, left(), reading.q, here, PERIOD_S)
    assert np.abs(q - rig.sent[:6]).max() < 1e-3


def test_contact_freezes_the_correction():
    pose, away = TARGETS[0], np.array([0.01, 0.01, -0.01, 0.0, 0.02, 0.0])
    state = compensation.start(left(), HOME_RAD, HOME_RAD)
    pressed, _ = compensation.step(state, left(), HOME_RAD + away, pose, PERIOD_S, tip_force_n=5.0)
    free, _ = compensation.step(state, left(), HOME_RAD + away, pose, PERIOD_S, tip_force_n=1.0)
    assert np.array_equal(pressed.correction, state.correction)
    assert not np.array_equal(free.correction, state.correction)


def test_an_arm_that_does_not_move_winds_up_to_the_bound_and_no_further():
    state, gains = compensation.start(left(), HOME_RAD, HOME_RAD), Gains(most_rad=0.05)
    for _ in range(1000):
        state, q = compensation.step(state, left(), HOME_RAD, TARGETS[1], PERIOD_S, gains=gains)
    assert np.abs(state.correction).max() == pytest.approx(0.05)
    assert (q >= left().low).all() and (q <= left().high).all()
    assert not state.arrived


def test_the_reference_keeps_its_speed():
    state, gains = compensation.start(left(), HOME_RAD, HOME_RAD), Gains(speed_m_s=0.05)
    for _ in range(50):
        before = state.T_world_reference.translation()
        state, _ = compensation.step(state, left(), state.q_command, TARGETS[0], PERIOD_S, gains=gains)
        assert np.linalg.norm(state.T_world_reference.translation() - before) <= 0.05 * PERIOD_S + 1e-9

import mujoco
import pytest

from enpire.tools.control import grasp
from tests.tools.control.rig import PERIOD_S, Rig, target


def block(width_m):
    def add(spec):
        body = spec.worldbody.add_body(name="block", pos=(0.33, 0.2, 0.02))
        body.add_freejoint()
        body.add_geom(name="block", type=mujoco.mjtGeom.mjGEOM_BOX, size=(width_m / 2, width_m / 2, 0.02), mass=0.05)

    return add


def close(rig, **options):
    rig.travel(target(0.33, 0.2, 0.15), opening=1.0)
    reading = rig.travel(target(0.33, 0.2, 0.025), opening=1.0)
    state = grasp.start(reading.opening)
    for _ in range(600):
        state, opening = grasp.step(state, reading.opening, reading.grip_n, PERIOD_S, **options)
        reading = rig.go(rig.sent[:6], opening)
        if state.outcome != "closing":
            break
    return state, reading


def test_it_holds_a_block_and_measures_it():
    rig = Rig(add=block(0.03))
    state, _ = close(rig)
    assert state.outcome == "holding"
    assert state.width_m == pytest.approx(0.03, abs=0.002)
    lifted = rig.travel(target(0.33, 0.2, 0.12), opening=state.command)
    still, _ = grasp.step(state, lifted.opening, lifted.grip_n, PERIOD_S)
    assert still.outcome == "holding"
    assert rig.world.data.body("block").xpos[2] > 0.08


def test_a_thing_that_slips_away_is_noticed():
    state, reading = close(Rig(add=block(0.03)))
    gone, _ = grasp.step(state, 0.005, reading.grip_n, PERIOD_S)
    assert gone.outcome == "empty"


def test_nothing_between_the_fingers_is_empty():
    state, _ = close(Rig())
    assert state.outcome == "empty"


def test_something_too_wide_is_blocked():
    state, _ = close(Rig(add=block(0.05)), widest_m=0.04)
    assert state.outcome == "blocked"
    assert state.width_m == pytest.approx(0.05, abs=0.002)


def test_fingers_that_do_not_move_are_blocked():
    rig = Rig()
    reading = rig.travel(target(0.33, 0.2, 0.05), opening=0.9)
    rig.robot.fail("blocked_gripper", 60.0, "left_gripper_opening")
    state = grasp.start(reading.opening)
    for _ in range(600):
        state, opening = grasp.step(state, reading.opening, reading.grip_n, PERIOD_S, widest_m=0.06)
        reading = rig.go(rig.sent[:6], opening)
        if state.outcome != "closing":
            break
    assert state.outcome == "blocked"

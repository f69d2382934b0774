import mujoco
import numpy as np

from enpire.tools.control import descent, spiral
from tests.tools.control.rig import PERIOD_S, Rig, target
from tests.tools.robot import left

TOP_M, HOLE_M = 0.03, 0.009


def hole(spec):
    """A square hole of 18 mm in a block 30 mm high, at (0.33, 0.2); the closed fingertips are 14.4 mm wide."""
    for i, (x, y) in enumerate(((1, 0), (-1, 0), (0, 1), (0, -1))):
        half = (0.03, 0.07, TOP_M / 2) if x else (HOLE_M, 0.03, TOP_M / 2)
        away = HOLE_M + 0.03
        spec.worldbody.add_geom(
            name=f"wall{i}", type=mujoco.mjtGeom.mjGEOM_BOX, size=half, pos=(0.33 + x * away, 0.2 + y * away, TOP_M / 2)
        )


def search(rig, offset_m, **options):
    reading = rig.travel(target(0.33 + offset_m[0], 0.2 + offset_m[1], TOP_M + 0.04), opening=0.0)
    down = descent.start(left(), rig.sent[:6], reading.q, reading.effort)
    while down.outcome == "descending":
        down, q = descent.step(down, left(), reading.q, reading.effort, PERIOD_S, depth_m=0.06)
        reading = rig.go(q)
    assert down.outcome == "contact"
    state = spiral.start(left(), rig.sent[:6], reading.q, down.bias)
    for _ in range(6000):
        state, q = spiral.step(state, left(), reading.q, reading.effort, PERIOD_S, **options)
        reading = rig.go(q)
        if state.outcome != "searching":
            break
    return state


def test_it_finds_a_hole_that_the_descent_missed():
    rig = Rig(add=hole)
    state = search(rig, (0.005, 0.003), pitch_m=0.0015, radius_m=0.01, speed_m_s=0.02)
    assert state.outcome == "found"
    assert rig.tool()[2] < TOP_M + 0.0097 - 0.001
    assert np.linalg.norm(rig.tool()[:2] - [0.33, 0.2]) < 0.004


def test_without_a_hole_it_gives_up_at_its_radius_and_keeps_pressing_lightly():
    rig = Rig()
    reading = rig.travel(target(0.33, 0.2, 0.04), opening=0.0)
    down = descent.start(left(), rig.sent[:6], reading.q, reading.effort)
    while down.outcome == "descending":
        down, q = descent.step(down, left(), reading.q, reading.effort, PERIOD_S, depth_m=0.06)
        reading = rig.go(q)
    state, pressed = spiral.start(left(), rig.sent[:6], reading.q, down.bias), []
    while state.outcome == "searching":
        state, q = spiral.step(state, left(), reading.q, reading.effort, PERIOD_S, radius_m=0.003, press_n=3.0)
        reading = rig.go(q)
        pressed.append(rig.table_force())
    assert state.outcome == "exhausted"
    assert state.radius_m < 0.004
    assert 1.0 < np.median(pressed) < 6.0
    assert max(pressed) < 12.0

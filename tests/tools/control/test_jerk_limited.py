import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.core.errors import BadInput
from enpire.tools.control import jerk_limited
from enpire.tools.control.jerk_limited import Limits, Motion
from enpire.tools.kinematics import mink_ik
from enpire.tools.planning import straight
from tests.tools.robot import HOME_RAD, left


def vectors(low, high):
    return st.lists(st.floats(low, high), min_size=3, max_size=3).map(np.array)


LIMITS = st.builds(Limits, velocity=vectors(0.2, 3.0), acceleration=vectors(0.5, 20.0), jerk=vectors(5.0, 300.0))
POSTURE = vectors(-2.0, 2.0)
PERIOD_S = 0.01


def keeps(q, limits, period_s=PERIOD_S):
    """Mean velocities, accelerations and jerks of samples never exceed what the motion itself may not."""
    for order, limit in ((1, limits.velocity), (2, limits.acceleration), (3, limits.jerk)):
        differences = np.diff(q, order, axis=0) / period_s**order
        assert (np.abs(differences) <= limit * (1 + 1e-6) + 1e-9 / period_s**order).all(), order


@given(POSTURE, POSTURE, LIMITS)
@settings(max_examples=100)
def test_a_move_keeps_its_limits_and_its_line(start, goal, limits):
    motion = jerk_limited.move(start, goal, limits, PERIOD_S)
    keeps(np.vstack([start, start, start, motion.q, goal, goal]), limits)
    assert (np.abs(motion.velocity) <= limits.velocity + 1e-9).all()
    assert np.allclose(motion.q[-1], goal, atol=1e-9)
    way = goal - start
    if way @ way > 1e-9:
        share = (motion.q - start) @ way / (way @ way)
        assert np.allclose(motion.q, start + share[:, None] * way, atol=1e-6)


@given(st.lists(vectors(-1.0, 1.0), min_size=2, max_size=4), LIMITS)  # the slowest stays below the longest motion
@settings(max_examples=50)
def test_corners_are_all_visited_within_limits(corners, limits):
    motion = jerk_limited.corners(np.array(corners), limits, PERIOD_S)
    keeps(np.vstack([[corners[0]] * 3, motion.q]), limits)
    for corner in corners[1:]:
        assert np.abs(motion.q - corner).max(axis=1).min() < 1e-9


@given(st.integers(0, 10_000), LIMITS)
@settings(max_examples=50)
def test_a_smooth_motion_keeps_its_limits_and_passes_its_points(seed, limits):
    random = np.random.default_rng(seed)
    path = np.cumsum(random.normal(0.0, 0.05, size=(8, 3)), axis=0)
    motion = jerk_limited.smooth(path, limits, 0.004)
    keeps(np.vstack([[path[0]] * 3, motion.q, [path[-1]] * 2]), limits, 0.004)
    assert np.allclose(motion.q[-1], path[-1], atol=1e-9)
    stride = np.abs(np.diff(motion.q, axis=0)).max()
    for point in path:
        assert np.abs(motion.q - point).max(axis=1).min() <= stride


def test_a_smooth_motion_along_a_tool_path_stays_on_the_line():
    arm = left()
    q_start = mink_ik.reach(arm, mink_ik.vertical(0.28, 0.2, 0.15, 0.0), HOME_RAD)
    goal = mink_ik.vertical(0.4, 0.3, 0.05, 0.0)
    path = straight.tool(arm, q_start, goal)
    limits = Limits(velocity=np.full(6, 2.0), acceleration=np.full(6, 10.0), jerk=np.full(6, 100.0))
    start = arm.forward(q_start).translation()
    way = (goal.translation() - start) / np.linalg.norm(goal.translation() - start)
    for q in jerk_limited.smooth(path, limits, PERIOD_S).q:
        away = arm.forward(q).translation() - start
        assert np.linalg.norm(away - (away @ way) * way) < 3e-4


@given(POSTURE, st.lists(POSTURE, min_size=1, max_size=4), LIMITS)
@settings(max_examples=50)
def test_steps_towards_a_jumping_target_keep_their_limits(start, targets, limits):
    motion, trail = Motion(q=start, velocity=np.zeros(3), acceleration=np.zeros(3)), [start] * 3
    for target in targets:
        for _ in range(25):
            motion = jerk_limited.step(motion, target, limits, PERIOD_S)
            trail.append(motion.q)
    keeps(np.array(trail), limits)


def test_steps_arrive():
    limits = Limits(velocity=np.ones(3), acceleration=np.full(3, 5.0), jerk=np.full(3, 50.0))
    motion, goal = Motion(q=np.zeros(3), velocity=np.zeros(3), acceleration=np.zeros(3)), np.array([0.5, -0.2, 0.0])
    for _ in range(200):
        motion = jerk_limited.step(motion, goal, limits, PERIOD_S)
    assert np.allclose(motion.q, goal, atol=1e-9)
    assert np.allclose(motion.velocity, 0.0, atol=1e-9)


def test_what_cannot_be_is_refused():
    limits = Limits(velocity=np.ones(3), acceleration=np.ones(3), jerk=np.ones(3))
    with pytest.raises(BadInput, match="same number of joints"):
        jerk_limited.move(np.zeros(2), np.ones(2), limits, PERIOD_S)
    slow = Limits(velocity=np.full(3, 1e-3), acceleration=np.ones(3), jerk=np.ones(3))
    with pytest.raises(BadInput, match="would take"):
        jerk_limited.move(np.zeros(3), np.ones(3), slow, PERIOD_S)
    nothing = Limits(velocity=np.zeros(3), acceleration=np.ones(3), jerk=np.ones(3))
    with pytest.raises(BadInput, match="at least"):
        jerk_limited.move(np.zeros(3), np.ones(3), nothing, PERIOD_S)

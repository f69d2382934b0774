from itertools import pairwise

import numpy as np
import pytest
from mink import SE3

from enpire.core.errors import BadInput
from enpire.tools.errors import NoPath
from enpire.tools.kinematics import mink_ik
from enpire.tools.planning import rrt_connect, straight
from enpire.tools.planning.collisions import Box, Collisions
from tests.tools.robot import HOME_RAD, arms, left

WALL = Box(T_parent_box=SE3.from_translation(np.array([0.35, 0.1, 0.1])), half_m=np.array([0.02, 0.02, 0.15]))
RESTING = {"right": HOME_RAD}


def ends():
    start = mink_ik.reach(left(), mink_ik.vertical(0.33, 0.25, 0.08, 0.0), HOME_RAD)
    return start, mink_ik.reach(left(), mink_ik.vertical(0.33, -0.02, 0.08, 0.0), start)


def dense(path, step_rad=0.005):
    for a, b in pairwise(path):
        count = int(np.ceil(np.abs(b - a).max() / step_rad))
        yield from (a + (b - a) * i / count for i in range(count + 1))


@pytest.mark.parametrize("seed", range(4))
def test_paths_start_and_end_where_asked_and_touch_nothing(seed):
    start, goal = ends()
    assert straight.check((left(),), np.array([start, goal]), (WALL,), RESTING) is not None  # so there is a need
    found = rrt_connect.plan((left(),), start, goal, (WALL,), RESTING, seed=seed)
    assert np.array_equal(found.path[0], start) and np.array_equal(found.path[-1], goal)
    assert (found.path >= left().low).all() and (found.path <= left().high).all()
    touching = Collisions([left()], [WALL], resting=RESTING, margin_m=0.001)
    assert all(touching.free(q) for q in dense(found.path))
    assert straight.check((left(),), found.path, (WALL,), RESTING) is None


def test_equal_seeds_give_equal_paths_and_others_differ():
    start, goal = ends()
    one, same, other = (rrt_connect.plan((left(),), start, goal, (WALL,), RESTING, seed=s).path for s in (5, 5, 6))
    assert np.array_equal(one, same)
    assert one.shape != other.shape or not np.array_equal(one, other)


def test_a_free_way_is_straight():
    start, _ = ends()
    found = rrt_connect.plan((left(),), HOME_RAD, start)
    assert len(found.path) == 2


def test_both_arms_pass_each_other():
    both = (arms()["left"], arms()["right"])
    q_left, q_right = (
        mink_ik.reach(arms()[name], mink_ik.vertical(0.33, y, 0.1, 0.0), HOME_RAD, "grip")
        for name, y in (("left", 0.06), ("right", -0.06))
    )
    back_left, back_right = (
        mink_ik.reach(arms()[name], mink_ik.vertical(0.33, y, 0.1, 0.0), HOME_RAD, "grip")
        for name, y in (("left", 0.35), ("right", -0.35))
    )
    start, goal = np.concatenate([q_left, back_right]), np.concatenate([back_left, q_right])
    found = rrt_connect.plan(both, start, goal)
    touching = Collisions(both, margin_m=0.001)
    assert found.path.shape[1] == 12
    assert all(touching.free(q) for q in dense(found.path))


def test_the_budget_is_a_count():
    start, goal = ends()
    with pytest.raises(NoPath, match=r"no path within 100 checks of postures \(\d+ and \d+ postures reached"):
        rrt_connect.plan((left(),), start, goal, (WALL,), RESTING, checks=100)


def test_what_is_wrong_with_start_or_goal_is_said():
    start, goal = ends()
    inside = Box(T_parent_box=SE3.from_translation(np.array([0.33, -0.02, 0.05])), half_m=np.full(3, 0.03))
    with pytest.raises(NoPath, match=r"the goal is not free: .* mm from box 1 on world"):
        rrt_connect.plan((left(),), start, goal, (inside,), RESTING, opening=0.0)
    with pytest.raises(NoPath, match="left_joint2 must lie in"):
        rrt_connect.plan((left(),), start, goal - np.array([0, 9.0, 0, 0, 0, 0]))
    with pytest.raises(BadInput, match="6 joint positions"):
        rrt_connect.plan((left(),), start, goal[:5])

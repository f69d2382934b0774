import numpy as np
import pytest
from mink import SE3

from enpire.core.errors import BadInput
from enpire.tools.kinematics import mink_ik
from enpire.tools.planning.collisions import Box, Collisions
from tests.tools.robot import HOME_RAD, arms, left


def box(x, y, z, half=(0.03, 0.03, 0.03), parent="world"):
    return Box(T_parent_box=SE3.from_translation(np.array([x, y, z])), half_m=np.array(half), parent=parent)


def down(z_m, x_m=0.33, y_m=0.25):
    return mink_ik.reach(left(), mink_ik.vertical(x_m, y_m, z_m, 0.0), HOME_RAD, "grip")


def test_home_is_free_and_the_table_is_not():
    free = Collisions([left()])
    assert free.free(HOME_RAD)
    assert free.free(down(0.03))
    near = free.nearest(down(0.012))
    assert near is not None and near.other == "table"
    tip_m = 0.0097  # below the tool's origin
    assert near.distance_m == pytest.approx(0.012 - tip_m, abs=2e-3)


def test_a_raised_table_is_met_earlier():
    assert not Collisions([left()], table_m=0.03).free(down(0.03))


def test_boxes_count_where_they_are():
    q = down(0.05)
    assert not Collisions([left()], [box(0.33, 0.25, 0.03)], opening=0.0).free(q)
    assert Collisions([left()], [box(0.33, 0.05, 0.03)], opening=0.0).free(q)


def test_an_open_gripper_straddles_what_a_closed_one_hits():
    between = [box(0.33, 0.25, 0.03)]
    assert Collisions([left()], between, opening=1.0).free(down(0.05))
    assert not Collisions([left()], between, opening=0.5).free(down(0.05))


def test_a_carried_box_makes_the_tool_longer():
    held = box(0.0, 0.0, 0.05, half=(0.01, 0.01, 0.05), parent="left")
    q = down(0.08)
    assert Collisions([left()]).free(q)
    near = Collisions([left()], [held]).nearest(q)
    assert near is not None and {near.one, near.other} == {"box 1 on left", "table"}
    assert Collisions([left()], [held]).free(down(0.12))


def test_the_other_arm_counts_where_it_rests():
    reach_over = mink_ik.reach(left(), mink_ik.vertical(0.34, 0.01, 0.1, 0.0), HOME_RAD, "grip")
    right = mink_ik.reach(arms()["right"], mink_ik.vertical(0.34, -0.01, 0.1, 0.0), HOME_RAD, "grip")
    assert Collisions([left()], resting={"right": HOME_RAD}).free(reach_over)
    near = Collisions([left()], resting={"right": right}).nearest(reach_over)
    assert near is not None and "right" in near.one + near.other
    both = Collisions([left(), arms()["right"]])
    assert not both.free(np.concatenate([reach_over, right]))
    assert both.free(np.concatenate([HOME_RAD, HOME_RAD]))


def test_no_point_moves_further_than_the_bound_says():
    arm, random = left(), np.random.default_rng(0)
    checker = Collisions([arm])
    for _ in range(100):
        a = random.uniform(arm.low, arm.high)
        b = np.clip(a + random.normal(0.0, 0.1, 6), arm.low, arm.high)
        places = []
        for q in (a, b):
            checker.free(q)
            places.append(checker._poses.geom_xpos[: len(checker._robot)].copy())
        moved_m = np.linalg.norm(places[1] - places[0], axis=1).max()
        assert moved_m <= np.abs(b - a) @ checker.reaches_m + 1e-12


def test_a_thin_wall_between_two_free_postures_is_seen():
    a, b = down(0.05, y_m=0.15), down(0.05, y_m=0.35)
    wall = box(0.33, 0.25, 0.1, half=(0.1, 0.001, 0.1))
    checker = Collisions([left()], [wall], opening=0.0)
    assert checker.free(a) and checker.free(b)
    hit = checker.between(a, b)
    assert hit is not None and "box 1 on world" in (hit.one, hit.other)


def test_impossible_boxes_are_refused():
    with pytest.raises(BadInput, match="valid: world, left"):
        Collisions([left()], [box(0, 0, 0, parent="right")])
    with pytest.raises(BadInput, match="positive"):
        Collisions([left()], [box(0, 0, 0, half=(0.0, 0.1, 0.1))])
    with pytest.raises(BadInput, match="different arms"):
        Collisions([left(), left()])

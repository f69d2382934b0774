import numpy as np
import pytest

from enpire.tools.errors import NoPath, Unreachable
from enpire.tools.kinematics import mink_ik
from enpire.tools.planning import straight
from tests.tools.planning.test_rrt_connect import RESTING, WALL, ends
from tests.tools.robot import HOME_RAD, left


def test_the_tool_stays_on_its_line_and_turns_evenly():
    arm = left()
    q_start = mink_ik.reach(arm, mink_ik.vertical(0.25, 0.2, 0.15, 0.0), HOME_RAD)
    goal = mink_ik.vertical(0.4, 0.35, 0.04, 0.6)
    path = straight.tool(arm, q_start, goal)
    start = arm.forward(q_start)
    way = goal.translation() - start.translation()
    for i, q in enumerate(path):
        pose, share = arm.forward(q), i / (len(path) - 1)
        assert np.allclose(pose.translation(), start.translation() + share * way, atol=1.5e-4)
        turned = (pose.rotation() @ start.rotation().inverse()).log()
        whole = (goal.rotation() @ start.rotation().inverse()).log()
        assert np.allclose(turned, share * whole, atol=2e-3)
    assert np.linalg.norm(way) / (len(path) - 1) <= 0.005


def test_a_line_that_leaves_the_reach_says_how_far_it_goes():
    arm = left()
    q_start = mink_ik.reach(arm, mink_ik.vertical(0.35, 0.3, 0.1, 0.0), HOME_RAD)
    with pytest.raises(Unreachable, match=r"follows \d+ mm of the straight line"):
        straight.tool(arm, q_start, mink_ik.vertical(0.8, 0.3, 0.1, 0.0))


def test_a_blocked_joint_line_says_what_is_in_the_way():
    start, goal = ends()
    assert straight.joints((left(),), start, goal, (), RESTING).shape == (2, 6)
    with pytest.raises(NoPath, match="box 1 on world"):
        straight.joints((left(),), start, goal, (WALL,), RESTING)

"""The push model and the choice of pushes, without a simulator."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.tasks._push_t import block
from enpire.tasks._push_t.planner import PUSHER_RADIUS_M, cost, plan, roll

GOAL = np.array(block.GOAL)
EVERYWHERE = lambda points: np.ones(len(points), bool)  # noqa: E731
poses = st.tuples(st.floats(0.2, 0.4), st.floats(-0.2, 0.1), st.floats(-3.1, 3.1)).map(np.array)


def push(start: tuple[float, float], direction: tuple[float, float], way: float) -> np.ndarray:
    begin = np.array([0.0, 0.0, 0.0])
    return roll(begin[None], np.array([start]), np.array([direction]), np.array([way]))[0, 0]


def test_a_push_on_the_line_through_the_center_does_not_turn_the_block() -> None:
    moved = push((0.0, -0.02), (0.0, 1.0), 0.05)
    assert moved[:2] == pytest.approx([0.0, 0.05 - 0.02 + PUSHER_RADIUS_M], abs=1e-6)
    assert moved[2] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("x", "sign"), [(0.06, 1.0), (-0.06, -1.0)])
def test_a_push_beside_the_center_turns_the_block_away_from_it(x: float, sign: float) -> None:
    assert sign * push((x, -0.02), (0.0, 1.0), 0.05)[2] > 0.1


def test_a_push_that_misses_moves_nothing() -> None:
    assert push((0.2, -0.02), (0.0, 1.0), 0.05) == pytest.approx([0.0, 0.0, 0.0])


@settings(max_examples=25, deadline=None)
@given(pose=poses)
def test_the_chosen_push_brings_the_block_nearer(pose: np.ndarray) -> None:
    chosen = plan(pose, GOAL, EVERYWHERE)
    assert chosen is not None
    if cost(pose, GOAL) > 0.01:
        assert cost(chosen.outcome, GOAL) < 0.9 * cost(pose, GOAL)


@settings(max_examples=25, deadline=None)
@given(pose=poses)
def test_pushes_start_off_the_block_and_end_where_the_arm_can_be(pose: np.ndarray) -> None:
    def near(points: np.ndarray) -> np.ndarray:
        return np.asarray(np.linalg.norm(points - pose[:2], axis=1) < 0.25)

    chosen = plan(pose, GOAL, near)
    assert chosen is not None
    assert near(np.array([chosen.start, chosen.end])).all()
    c, s = np.cos(pose[2]), np.sin(pose[2])
    x, y = np.array([[c, s], [-s, c]]) @ (chosen.start - pose[:2])
    gap = min(np.hypot(max(a - x, 0, x - d), max(b - y, 0, y - e)) for (a, b), (d, e) in (block.BAR_M, block.STEM_M))
    assert gap > PUSHER_RADIUS_M + 0.005


def test_a_block_out_of_reach_has_no_push() -> None:
    assert plan(GOAL, GOAL, lambda points: np.zeros(len(points), bool)) is None


@given(pose=poses, yaw=st.floats(-3.0, 3.0))
def test_the_center_of_a_pose_made_from_a_center_is_that_center(pose: np.ndarray, yaw: float) -> None:
    assert block.center(block.at_center(pose[:2], yaw)) == pytest.approx(pose[:2], abs=1e-12)


def test_errors_are_zero_at_the_goal_only() -> None:
    assert block.error(GOAL, GOAL) == (0.0, 0.0)
    away_m, turned_rad = block.error(block.at_center(block.center(GOAL) + np.array([0.003, 0.004]), np.pi), GOAL)
    assert (away_m, turned_rad) == (pytest.approx(0.005), pytest.approx(np.pi))

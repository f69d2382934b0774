import numpy as np
import pytest
from mink import SE3, SO3

from enpire.core.errors import BadInput
from enpire.tools.errors import Unreachable
from enpire.tools.kinematics import mink_ik
from tests.tools.robot import HOME_RAD, left


def postures(count, margin_rad=0.0):
    arm, random = left(), np.random.default_rng(7)
    return random.uniform(arm.low + margin_rad, arm.high - margin_rad, size=(count, 6))


def gap(arm, q, pose):
    reached = arm.forward(q)
    turn = (reached.rotation().inverse() @ pose.rotation()).log()
    return np.linalg.norm(reached.translation() - pose.translation()), np.linalg.norm(turn)


@pytest.mark.parametrize("align", ["pose", "approach"])
def test_cold_starts_reach_nearly_every_reachable_pose(align):
    arm, reached = left(), 0
    for q in postures(200):
        pose = arm.forward(q)
        found = mink_ik.solve(arm, pose, align=align)
        assert (found.q >= arm.low).all() and (found.q <= arm.high).all()
        if found.reached:
            reached += 1
            metres, radians = gap(arm, found.q, pose)
            assert metres <= 1.1e-4
            assert align == "approach" or radians <= 1.1e-3
    assert reached >= 198


def test_what_it_says_of_its_error_is_true_where_nothing_reaches():
    arm, pose = left(), mink_ik.vertical(0.9, 0.3, 0.1, 0.0)
    found = mink_ik.solve(arm, pose)
    metres, radians = gap(arm, found.q, pose)
    assert not found.reached
    assert found.position_error_m == pytest.approx(metres, rel=1e-6, abs=1e-9)
    assert found.rotation_error_rad == pytest.approx(radians, rel=1e-6, abs=1e-9)


def test_warm_solutions_stay_near_their_start():
    arm, random = left(), np.random.default_rng(3)
    for q in postures(50, margin_rad=0.3):
        start = q + random.normal(0.0, 0.01, 6)
        pose = arm.forward(q)
        if np.linalg.cond(arm.jacobian(q)) > 50:
            continue
        assert np.abs(mink_ik.reach(arm, pose, start) - q).max() < 0.1


def test_tracking_follows_a_moving_pose_and_keeps_the_speed_limit():
    arm, q, dt_s = left(), HOME_RAD, 1 / 30
    start, speeds = arm.forward(q), np.full(6, 0.8)
    for k in range(60):
        target = SE3.from_rotation_and_translation(
            start.rotation(), start.translation() + np.array([0.0, 0.002, -0.001]) * (k + 1)
        )
        new = mink_ik.track(arm, q, target, dt_s, speeds)
        assert (np.abs(new - q) <= speeds * dt_s + 1e-9).all()
        q = new
        assert gap(arm, q, target)[0] < 1e-3
    far = mink_ik.track(arm, q, mink_ik.vertical(0.3, 0.1, 0.05, 1.0), dt_s, speeds)
    assert np.abs(far - q).max() == pytest.approx(0.8 * dt_s)


def test_a_vertical_gripper_points_down_and_closes_along_its_yaw():
    pose = mink_ik.vertical(0.3, 0.1, 0.05, 0.4)
    matrix = pose.rotation().as_matrix()
    assert np.allclose(pose.translation(), [0.3, 0.1, 0.05])
    assert np.allclose(matrix[:, 2], [0.0, 0.0, -1.0], atol=1e-12)
    assert np.allclose(matrix[:, 0], [np.cos(0.4), np.sin(0.4), 0.0])


def test_a_grip_may_swap_the_fingers():
    arm, pose = left(), mink_ik.vertical(0.32, 0.474, 0.05, -0.6)
    with pytest.raises(Unreachable):
        mink_ik.reach(arm, pose)
    q = mink_ik.reach(arm, pose, align="grip")
    swapped = pose @ SE3.from_rotation(SO3.from_z_radians(np.pi))
    assert gap(arm, q, swapped)[0] < 1.1e-4
    assert gap(arm, q, swapped)[1] < 1.1e-3


def test_a_vertical_gripper_works_over_most_of_the_table_in_front():
    arm = left()
    grid = [(x, y) for x in np.arange(0.2, 0.441, 0.04) for y in np.arange(0.1, 0.501, 0.05)]
    reached = sum(mink_ik.solve(arm, mink_ik.vertical(x, y, 0.05, 0.0), align="grip").reached for x, y in grid)
    assert reached == len(grid)


def test_unreachable_says_how_close_it_comes():
    with pytest.raises(Unreachable, match=r"left cannot .*\(0\.900, 0\.300, 0\.100\) m.* within \d+\.\d mm and"):
        mink_ik.reach(left(), mink_ik.vertical(0.9, 0.3, 0.1, 0.0))


def test_wrong_sizes_are_refused():
    with pytest.raises(BadInput, match="6 joints"):
        mink_ik.solve(left(), SE3.identity(), np.zeros(5))
    with pytest.raises(BadInput, match="positive speeds"):
        mink_ik.track(left(), HOME_RAD, SE3.identity(), 0.01, np.zeros(6))

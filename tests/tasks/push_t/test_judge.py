"""The camera's verdict against the truth on a real-like station."""

from collections.abc import Callable

import numpy as np
import pytest

from enpire.core.records import Verdict
from enpire.environment.station_task import StationTask
from enpire.tasks._push_t import block
from enpire.tasks._push_t.sight import see

Lay = Callable[[float, float, float], np.ndarray]
DEGREE = np.radians(1.0)


def rest(station: StationTask, action: np.ndarray, steps: int = 30) -> Verdict:
    for _ in range(steps):
        station.step(action)
        if station.verify().evidence.get("seen") is not None:
            break
    return station.verify()


@pytest.mark.parametrize(
    ("offset", "success"),
    [
        ((0.0, 0.0, 0.0), True),
        ((0.0025, -0.002, 6 * DEGREE), True),
        ((0.0042, 0.0, -9 * DEGREE), True),
        ((0.0055, 0.0, 0.0), False),
        ((0.0, -0.006, 2 * DEGREE), False),
        ((0.0, 0.0, 10.5 * DEGREE), False),
        ((0.03, 0.0, np.pi), False),
    ],
)
def test_the_verdict_is_the_truth(station: StationTask, lay: Lay, offset: tuple[float, ...], success: bool) -> None:
    verdict = rest(station, lay(*offset))
    truth = station.sealed()
    assert (verdict.success, truth["success"]) == (success, float(success))
    assert verdict.evidence["distance_m"] == pytest.approx(truth["distance_m"], abs=0.0005)
    assert verdict.evidence["yaw_error_rad"] == pytest.approx(truth["yaw_error_rad"], abs=0.8 * DEGREE)


def test_a_shaded_side_face_does_not_draw_the_look_towards_it(station: StationTask, lay: Lay) -> None:
    errors = []
    for dx_m, dy_m, yaw in ((0.0, 0.0, 0.0), (0.004, 0.0, 0.1), (-0.004, 0.002, -0.1), (0.0, 0.004, 0.05)):
        rest(station, lay(dx_m, dy_m, yaw))
        assert station.setup is not None
        truth = block.center(block.true_pose(station.setup.world.data))
        errors.append(block.center(see(station.setup.cell).pose) - truth)
    assert np.linalg.norm(np.mean(errors, axis=0)) < 0.00027


def test_nothing_is_judged_before_half_a_second_of_rest(station: StationTask, lay: Lay) -> None:
    action = lay(0.0, 0.0, 0.0)
    for _ in range(14):
        station.step(action)
        assert station.verify().success is False
    assert station.verify().progress > 0.95  # the first look tells how far it is


def test_a_block_at_its_goal_under_an_arm_that_is_not_retracted_is_no_success(station: StationTask, lay: Lay) -> None:
    action = lay(0.0, 0.0, 0.0)
    action[7] += 0.6
    for _ in range(45):
        station.step(action)
    assert station.verify().success is False
    assert "seen" not in station.verify().evidence
    assert station.verify().evidence["resting"] == 0.0


def test_progress_falls_with_the_distance_from_the_goal(station: StationTask, lay: Lay) -> None:
    seen = [
        rest(station, lay(dx, 0.0, yaw)).progress for dx, yaw in ((0.0, 0.0), (0.03, 0.0), (0.03, 1.0), (0.03, 3.0))
    ]
    assert seen == sorted(seen, reverse=True)
    assert seen[0] > 0.98
    assert seen[-1] < 0.15


def test_what_the_judge_says_holds_no_truth(station: StationTask, lay: Lay) -> None:
    evidence = rest(station, lay(0.004, 0.0, 0.0)).evidence
    assert evidence["distance_m"] != station.sealed()["distance_m"]
    assert not {"block_x_m", "near", "retracted"} & evidence.keys()

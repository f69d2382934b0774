"""What all physical tasks share, on the real pin insertion: faults, freshness, repeats, tools, bad input."""

from dataclasses import replace

import numpy as np
import pytest

from enpire.core.errors import BadInput, ToolError
from enpire.environment.contract import equipment
from enpire.environment.station_task import StationTask
from enpire.simulation.rendering import gl_missing
from enpire.tasks import open_task, pin_insertion
from enpire.tasks._pin.scenario import PinInsertion

pytestmark = pytest.mark.skipif(bool(gl_missing()), reason=gl_missing() or "OpenGL is there")

FAST = {"level": 0.0, "fast_reset": 1.0}
REAL = {"level": 2.0, "fast_reset": 1.0}


@pytest.fixture(scope="module")
def task():
    task = pin_insertion.make(dict(FAST))
    yield task
    task.close()


def still(task):
    return task.setup.drive.target.copy()


def steps(task, count, action=None):
    """Play until the episode ends or `count` steps are made; the info of the last step."""
    for _ in range(count):
        _, _, terminated, _, info = task.step(still(task) if action is None else action)
        if terminated:
            break
    return info


def test_the_same_seed_profile_and_actions_give_the_same_episode():
    def play(start=None):
        task = pin_insertion.make(dict(REAL))
        try:
            observation, info = task.reset(seed=7, options={"start": start} if start else None)
            target = still(task)
            rows = [observation]
            for step in range(40):
                target[8] += 0.002 * np.sin(step)
                observation, progress, *_ = task.step(target)
                rows.append(observation | {"progress": np.array([progress])})
            return rows, info["start"]
        finally:
            task.close()

    first, start = play()
    again, _ = play()
    repeated, _ = play(start)
    for rows in (again, repeated):
        for one, two in zip(first, rows, strict=True):
            assert all(np.array_equal(one[key], two[key]) for key in one)


def test_another_seed_starts_elsewhere(task):
    states = [task.reset(seed=seed)[0]["observation.state"] for seed in (1, 2)]
    assert np.abs(states[0] - states[1]).max() > 1e-3


@pytest.mark.parametrize("duration_s", [0.05, 5.0])
def test_a_silent_robot_is_held_and_fails_the_episode(task, duration_s):
    task.reset(seed=1)
    steps(task, 3)
    task.setup.robot.fail("silent", duration_s)
    before = task.setup.world.time_s
    info = steps(task, 30)
    assert info["failure"] == "robot"
    assert task.setup.world.time_s - before < 0.1  # noticed within the three ticks of the supervisor, and a period
    assert not task.verify().success
    task.setup.world.advance(0.5)
    assert np.abs(task.setup.world.data.qvel).max() < 0.05
    task.setup.world.advance(duration_s)
    task.reset(seed=2)  # the robot is back: no restart is needed
    assert "failure" not in steps(task, 5)


def test_a_joint_that_does_not_move_fails_the_episode(task):
    task.reset(seed=1)
    task.setup.robot.fail("stuck_joint", 60.0, "right_joint1_rad")
    action = still(task)
    action[7] += 0.6
    info = steps(task, 120, action)
    assert info["failure"] == "robot"
    assert "right_joint1" in task.setup.drive.detail


def test_a_camera_that_gives_nothing_new_fails_the_episode(task):
    task.reset(seed=1)
    steps(task, 30)
    task.setup.cameras["top"].fail("frozen", 10.0)
    before = task.setup.world.time_s
    info = steps(task, 60)
    assert info["failure"] == "stale"
    assert task.setup.world.time_s - before < 0.2


def test_short_gaps_of_a_camera_are_no_failure(task):
    task.reset(seed=1)
    steps(task, 10)
    task.setup.cameras["top"].fail("frozen", 0.05)
    assert "failure" not in steps(task, 20)


def test_the_supervisor_stops_what_would_hit_the_table(task):
    task.reset(seed=1)
    action = still(task)
    action[8] += 1.5
    steps(task, 60, action)
    heights = task.setup.world.data.site("right_tool").xpos[2]
    assert heights > 0.0
    assert task.verify().evidence.get("safety_limited", 0) > 0


def test_the_policy_sees_no_truth(task):
    observation, info = task.reset(seed=1)
    assert set(observation) == {key for key, spec in task.spec.observation.items() if not spec.on_demand}
    assert set(info) == {"start", "robot_s", "reset_s", "assists"}
    assert "success" in task.sealed()
    assert not any("tip" in key or "truth" in key for key in task.verify().evidence)


def test_pictures_and_tools(task):
    task.reset(seed=1)
    picture = task.look("observation.images.top")
    assert picture.shape == task.spec.observation["observation.images.top"].shape
    with pytest.raises(BadInput, match=r"pictures: observation\.images\.top"):
        task.look("observation.images.behind")
    pose = task.call("forward_kinematics.tool", {"arm": "right", "q": [0.0, 1.0, 1.0, 0.0, 0.0, 0.0]})
    assert len(pose) == 7
    for name in ("truth.pose", "scenario.place", "rrt_connect.plan", "x" * 1000):
        with pytest.raises(ToolError, match="not a tool of this task"):
            task.call(name, {})
    with pytest.raises(ToolError, match="name of an arm"):
        task.call("forward_kinematics.tool", {"arm": "third", "q": [0.0] * 6})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"level": 4.0}, "level = 4 must lie in"),
        ({"gravity": 1.0}, "unknown task option 'gravity'; valid: level"),
        ({"pace": float("nan")}, "pace"),
    ],
)
def test_bad_options_are_named_with_the_valid_ones(options, words):
    with pytest.raises(BadInput, match=words):
        pin_insertion.make(options)


def test_limits_that_the_robot_cannot_keep_are_refused_before_anything_moves():
    scenario = PinInsertion(plugged=False)
    fast = replace(scenario.facts.limits, velocity=(99.0, *scenario.facts.limits.velocity[1:]))
    scenario.facts = replace(scenario.facts, limits=fast)
    with pytest.raises(BadInput, match=r"left_joint1_rad: 99 per second is faster than the 5 of yam_sim"):
        StationTask(scenario, dict(FAST))


def test_a_station_keeps_its_profile_between_processes(tmp_path):
    def profile():
        task = pin_insertion.make(dict(REAL))
        task.settle_in("station-1", tmp_path)
        _, info = task.reset(seed=1)
        task.close()
        return info["start"]["profile"].tobytes()

    assert profile() == profile()
    assert [path.name for path in tmp_path.iterdir()] == ["station-1.json"]


def test_what_judges_is_frozen_and_nothing_is_claimed_about_scenes_placed_by_hand():
    opened = open_task("pin_insertion", options=FAST)
    try:
        judge = opened.freeze.manifest.judge
        for name in ("simulation/world.py", "tools/catalogue.py", "robots/yam_sim.py", "tasks/_pin/judge.py"):
            assert f"enpire/{name}" in judge
        assert "by hand" in opened.spec.not_for_claims
        assert equipment(opened) is opened.task
    finally:
        opened.close()

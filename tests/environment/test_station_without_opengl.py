"""Station tasks with a marker tracker in place of the cameras, and on a machine where OpenGL really does not work."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from enpire.core.errors import BadInput, ToolError
from enpire.environment.station_task import StationTask
from enpire.simulation.rendering import gl_missing
from enpire.tasks import open_task, pin_insertion, push_t_simple
from enpire.tasks._pin.scenario import PinInsertion

TRACKER = {"level": 2.0, "fast_reset": 1.0, "tracker": 1.0}
NO_OPENGL = {**os.environ, "__EGL_VENDOR_LIBRARY_DIRS": "/nonexistent", "MUJOCO_GL": "egl", "PYOPENGL_PLATFORM": ""}
"""EGL finds no driver with this: the libraries load, and no device opens."""


@pytest.fixture(scope="module", params=["push_t_simple", "pin_insertion"])
def task(request):
    task = {"push_t_simple": push_t_simple, "pin_insertion": pin_insertion}[request.param].make(dict(TRACKER))
    yield task
    task.close()


def hold(task, steps):
    """Info of the last step."""
    for _ in range(steps):
        *_, terminated, _, info = task.step(task.setup.drive.target.copy())
        if terminated:
            break
    return info


def test_a_policy_gets_joints_and_the_age_of_the_reading_and_no_pictures(task):
    observation, _ = task.reset(seed=1)
    assert set(observation) == set(task.spec.observation)
    assert task.spec.observation["observation.ages_s"].names == ("tracker_age_s",)
    assert not any("images" in key for key in observation)
    with pytest.raises(BadInput, match="none, a tracker"):
        task.look("observation.images.top")


def test_the_task_says_that_it_is_another_one(task):
    assert "tracker" in task.spec.note
    assert task.spec.options["tracker"] == 1.0
    assert task.spec.scene["tracker"]["follows"]


@pytest.mark.skipif(bool(gl_missing()), reason="needs OpenGL for the cameras")
def test_a_claim_with_the_tracker_is_not_one_with_cameras():
    manifests = []
    for tracker in (0.0, 1.0):
        opened = open_task("pin_insertion", options={"tracker": tracker})
        manifests.append(opened.spec.manifest)
        opened.close()
    assert all(manifests) and len(set(manifests)) == 2


def test_a_tracker_that_gives_nothing_new_fails_the_episode(task):
    task.reset(seed=1)
    assert "failure" not in hold(task, 20)
    task.setup.tracker.freeze(0.05)
    assert "failure" not in hold(task, 20)
    task.setup.tracker.freeze(10.0)
    before_s = task.setup.world.time_s
    assert hold(task, 60)["failure"] == "stale"
    assert task.setup.world.time_s - before_s < 0.2


@pytest.mark.parametrize("action", [np.zeros(7), np.zeros((2, 14)), np.array(np.nan)])
def test_an_action_of_another_shape_is_refused_and_nothing_moves(task, action):
    task.reset(seed=1)
    before_s = task.setup.world.time_s
    with pytest.raises(BadInput, match=r"is not one of shape \(14,\): left_joint1_rad \.\. right_gripper_opening"):
        task.step(action)
    assert task.setup.world.time_s == before_s
    assert "failure" not in hold(task, 3)


def test_an_action_that_is_not_a_number_stops_the_arms(task):
    task.reset(seed=1)
    hold(task, 3)
    *_, terminated, _, info = task.step(np.full(14, np.nan))
    for _ in range(10):
        if not terminated:
            *_, terminated, _, info = task.step(np.full(14, np.nan))
    assert terminated and info["failure"] == "safety"
    assert np.abs(task.setup.world.data.qvel[:12]).max() < 0.1


def test_nobody_can_look_and_tools_that_need_pixels_say_so(task):
    task.reset(seed=1)
    with pytest.raises(BadInput, match="sees with a marker tracker"):
        task.setup.cell.look("top")
    with pytest.raises(ToolError, match="no depth"):
        task.setup.cell.call("cameras.deproject", view="top", pixel_px=[100, 100])


@pytest.mark.parametrize("task", ["push_t_simple"], indirect=True)
def test_the_tracker_finds_the_block_and_not_exactly(task):
    task.reset(seed=3)
    hold(task, 5)
    truth = task.sealed()
    found = task.call("t_outline.find", {"view": "top"})
    off_m = np.hypot(found["x_m"] - truth["block_x_m"], found["y_m"] - truth["block_y_m"])
    assert 1e-6 < off_m < 0.003
    assert abs(found["yaw_rad"] - truth["block_yaw_rad"]) < 0.02
    marks = task.spec.scene["marks_m"]
    camera = task.call("fiducials.refine", {"view": "top", "marks_m": marks})
    assert task.call("t_outline.find", {"view": "top", "T_world_camera": camera["T_world_camera"]}) == found
    with pytest.raises(ToolError, match="name of a camera"):
        task.call("t_outline.find", {"view": "behind"})


@pytest.mark.parametrize("task", ["push_t_simple"], indirect=True)
def test_the_judge_of_push_t_measures_with_the_tracker(task):
    task.reset(seed=3)
    hold(task, 40)
    evidence, truth = task.verify().evidence, task.sealed()
    assert evidence["seen"] == 1.0
    assert evidence["distance_m"] == pytest.approx(truth["distance_m"], abs=0.003)
    assert evidence["yaw_error_rad"] == pytest.approx(truth["yaw_error_rad"], abs=0.02)


@pytest.mark.parametrize("task", ["pin_insertion"], indirect=True)
def test_the_tracker_finds_pin_and_box_and_not_exactly(task):
    task.reset(seed=2)
    hold(task, 5)
    data = task.setup.world.data
    pin = task.call("pin.find", {"view": "right_wrist"})
    off = np.array(pin["head_m"]) - data.body("pin").xpos
    assert 1e-6 < np.linalg.norm(off) < 0.003
    assert np.array(pin["axis"]) @ -data.body("pin").xmat.reshape(3, 3)[:, 2] > 0.999
    holes = task.call("holes.find", {"view": "top"})
    for number, center in enumerate(holes["centers_m"]):
        off = np.array(center)[:2] - data.geom(f"hole{number}").xpos[:2]
        assert 1e-6 < np.linalg.norm(off) < 0.003


def test_the_same_start_and_actions_give_the_same_episode_again(task):
    def play(start=None):
        observation, info = task.reset(seed=5, options={"start": start} if start else None)
        rows = [observation, *(task.step(task.setup.drive.target + 0.001 * np.sin(step))[0] for step in range(30))]
        return rows, task.verify(), info["start"]

    rows, verdict, start = play()
    again, verdict_again, _ = play(start)
    assert verdict == verdict_again
    assert all(np.array_equal(one[key], two[key]) for one, two in zip(rows, again, strict=True) for key in one)


def test_a_scenario_with_nothing_to_follow_refuses_the_tracker():
    scenario = PinInsertion(plugged=False)
    scenario.facts = replace(scenario.facts, tagged=())
    with pytest.raises(BadInput, match="nothing that a marker tracker could follow"):
        StationTask(scenario, {"tracker": 1.0})


# ---------------------------------------------------------------- on a machine without OpenGL


def without_opengl(*arguments, **more):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], env=NO_OPENGL, capture_output=True, text=True, timeout=300, **more
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_without_opengl_a_task_names_the_package_and_the_way_around_it(tmp_path):
    done = without_opengl("-m", "enpire", "run", "push_t_simple", "--out", tmp_path / "campaign")
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "libegl1 libgl1-mesa-dri" in line and "-o tracker=1" in line
    assert not (tmp_path / "campaign").exists()


@pytest.mark.parametrize("name", ["push_t_simple", "pin_insertion"])
def test_without_opengl_episodes_play_with_the_tracker(name, tmp_path):
    (tmp_path / "policy.py").write_text(
        "class Policy:\n"
        "    def __init__(self, task, tools): pass\n"
        "    def reset(self, observation, instruction): self.first = observation['observation.state'].copy()\n"
        "    def select_action(self, observation): return self.first\n"
    )
    arguments = ("--policy", tmp_path, "--episodes", 2, "--isolation", "none", "-o", "tracker=1", "-o", "fast_reset=1")
    done = without_opengl("-m", "enpire", "trial", name, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("note: a simulated marker tracker stands in for the cameras") == 1
    assert done.stdout.count("timeout") == 2 and "0/2" in done.stdout


def test_the_doctor_says_what_opengl_needs_and_that_it_is_not_needed():
    line = next(line for line in without_opengl("-m", "enpire", "doctor").stdout.splitlines() if "OpenGL" in line)
    assert line.startswith("absent") and "apt install libegl1" in line and "-o tracker=1" in line

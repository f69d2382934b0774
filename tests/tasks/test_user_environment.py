"""A user-written environment: every kind of space, and everything that can go wrong with it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from enpire.core.errors import BadInput, EnvironmentFault, ResetFailed
from enpire.environment.checker import check_task
from enpire.tasks import open_task

pytestmark = pytest.mark.timeout(600)


def step(task, times=1, action=None):
    for _ in range(times):
        result = task.step(np.zeros(task.spec.action.size) if action is None else np.asarray(action, float))
    return result


def test_three_lines_are_enough(open_faulty):
    task = open_faulty()
    assert check_task(task) == []
    assert task.spec.period_s == 1 / 25
    assert task.spec.max_steps == 8
    assert task.spec.instruction == "Succeed at faulty/Faulty-v0."
    assert task.render().shape == (4, 6, 3)


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        ("matrix", {"observation.state": ((4,), "float32", 0.75)}),
        ("picture", {"observation.images.main": ((4, 6, 3), "uint8", 71)}),
        ("gray", {"observation.images.main": ((4, 6, 3), "uint8", 69)}),
        ("index", {"observation.state": ((1,), "int64", 4)}),
        ("pair", {"observation.0": ((1,), "int64", 1), "observation.1": ((1,), "float32", 0.5)}),
        (
            "mixed",
            {
                "observation.arm.angle_rad": ((2,), "float64", 6.0),
                "observation.images.wrist": ((4, 6, 3), "uint8", 71),
                "observation.buttons": ((2,), "int8", 1),
            },
        ),
    ],
)
def test_observation_spaces(open_faulty, observation, expected):
    task = open_faulty(observation=observation)
    seen, _ = task.reset(seed=0)
    assert {k: (a.shape, a.dtype.name, a.ravel()[-1]) for k, a in seen.items()} == expected
    assert {k: (a.shape, a.dtype) for k, a in task.spec.observation.items()} == {
        k: shape_and_type[:2] for k, shape_and_type in expected.items()
    }


@pytest.mark.parametrize(
    ("action", "given", "received"),
    [
        ("box", [0.5, 7.0, -7.0, 0.0], [0.5, 1.0, -1.0, 0.0]),
        ("whole", [1.6, -9.0], [2, -3]),
        ("discrete", [2.0], [7]),
        ("discrete", [99.0], [7]),
        ("multidiscrete", [5.0, 2.4], [1, 2]),
        ("multibinary", [0.2, 0.9, 4.0], [0, 1, 1]),
    ],
)
def test_action_spaces_get_what_they_contain(open_faulty, action, given, received):
    task = open_faulty(action=action)
    task.reset(seed=0)
    *_, info = step(task, action=given)
    assert [info[f"received_{i}"] for i in range(len(received))] == received


def test_wrong_actions_are_refused_and_the_episode_goes_on(open_faulty):
    task = open_faulty()
    task.reset(seed=0)
    for action in ([0.0], [np.nan] * 4):
        with pytest.raises(BadInput, match="must be 4 numbers"):
            step(task, action=action)
    step(task)


def test_actions_without_bounds_need_a_declared_range(open_faulty):
    with pytest.raises(BadInput, match="action_range"):
        open_faulty(action="unbounded")
    task = open_faulty(action="unbounded", more="action_range = [-2, 3]")
    assert (task.spec.action.low, task.spec.action.high) == ((-2.0, -2.0), (3.0, 3.0))


@pytest.mark.parametrize("place", ["observation", "action"])
def test_spaces_that_are_no_arrays_are_refused(open_faulty, place):
    with pytest.raises(BadInput, match=f"the {place} space Text"):
        open_faulty(**{place: "text"})


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("raises", r"ValueError: the gripper is lost \(faulty.py, line \d+\)"),
        ("exits", "SystemExit: giving up"),
        ("dies", "exited with status 7; last output: malloc"),
        ("hangs", "did not answer within 0.5 s and was killed"),
        ("nan", "observation.state holds NaN"),
        ("other shape", r"has shape \(4,\), the environment declares \(3,\)"),
    ],
)
def test_a_fault_in_mid_episode_is_named_and_the_next_reset_works(open_faulty, mode, message):
    task = open_faulty(mode=mode, more="timeout_s = 0.5")
    first, _ = task.reset(seed=1)
    step(task, 2)
    with pytest.raises(EnvironmentFault, match=message):
        step(task)
    with pytest.raises(EnvironmentFault, match="reset it first"):
        step(task)
    again, _ = task.reset(seed=1)
    assert np.array_equal(first["observation.state"], again["observation.state"])
    assert task.verify().progress == 0.0
    step(task, 2)


def test_a_killed_process_is_replaced(open_faulty):
    task = open_faulty()
    task.reset(seed=1)
    os.kill(task._host._process.pid, 9)
    with pytest.raises(EnvironmentFault, match="SIGKILL"):
        step(task)
    task.reset(seed=1)
    step(task)


def test_nothing_is_left_running_after_close(open_faulty):
    task = open_faulty()
    process = task._host._process
    task.close()
    task.close()
    assert process.returncode == 0
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_a_hung_environment_does_not_outlive_a_killed_station(open_faulty, tmp_path):
    open_faulty(mode="hangs")
    station = """
import sys, numpy
from pathlib import Path
from enpire.tasks import open_task
task = open_task("gym:faulty/Faulty-v0", declaration=Path(sys.argv[1]))
task.reset(seed=1)
print(task._host._process.pid, flush=True)
while True:
    task.step(numpy.zeros(4))
"""
    command = [sys.executable, "-c", station, str(tmp_path / "declaration.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        host = int(process.stdout.readline())
        time.sleep(0.3)
        process.kill()
    for _ in range(100):
        state = Path(f"/proc/{host}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("the environment's process is still there")


def test_reset_that_raises(open_faulty):
    task = open_faulty(mode="reset raises")
    for _ in range(2):
        with pytest.raises(ResetFailed, match="the drawer is stuck"):
            task.reset(seed=1)


def test_environment_that_will_not_start(open_faulty):
    with pytest.raises(EnvironmentFault, match="could not be made: RuntimeError: no licence"):
        open_faulty(mode="will not start")


def test_strange_camera(open_faulty):
    task = open_faulty(mode="strange camera")
    task.reset(seed=1)
    with pytest.raises(EnvironmentFault, match=r"expected \(height, width, 3\)"):
        task.render()


def test_missing_info_key_lists_those_given(open_faulty):
    task = open_faulty(success="info.solved")
    task.reset(seed=1)
    with pytest.raises(EnvironmentFault, match=r"info.solved, which does not exist.*info.is_success.*nested.height_m"):
        step(task)
    task = open_faulty(progress="info.label")
    task.reset(seed=1)
    with pytest.raises(EnvironmentFault, match=r"info.label, which is not a number"):
        step(task)


def test_verdict_over_an_episode(open_faulty):
    task = open_faulty(progress="info.score from 0.5 to 1")
    task.reset(seed=1)
    seen = []
    for _ in range(4):
        *_, terminated, truncated, _ = step(task)
        seen.append((task.verify().success, task.verify().progress, terminated, truncated))
    assert seen == [(False, 0.0, False, False)] * 2 + [(False, 0.5, False, False), (True, 1.0, True, False)]
    evidence = task.verify().evidence
    assert (evidence["return"], evidence["steps"], evidence["nested.height_m"]) == (4.0, 4.0, 0.5)
    assert "label" not in evidence


def test_nan_progress_counts_as_zero_and_is_no_evidence(open_faulty):
    task = open_faulty(mode="nan score")
    task.reset(seed=1)
    step(task)
    assert task.verify().progress == 0.0
    assert "score" not in task.verify().evidence
    unsure = open_faulty(mode="nan score", success="info.score > 1", progress="steps / 8")
    unsure.reset(seed=1)
    step(unsure)
    assert unsure.verify().success is None


def test_dwell_and_at_end(open_faulty):
    task = open_faulty(success="steps >= 2 for 3 steps", progress="steps / 8")
    task.reset(seed=1)
    assert [step(task)[2] for _ in range(4)] == [False, False, False, True]
    task = open_faulty(success="return >= 2 at end", progress="return / 8")
    task.reset(seed=1)
    results = [(step(task)[3], task.verify().success) for _ in range(8)]
    assert results == [(False, False)] * 7 + [(True, True)]


def test_rules_may_read_named_entries_of_the_true_observation(open_faulty):
    names = 'names.observation.state = ["a_m", "b_m", "c_m"]'
    options = {"observation_noise_m": 100.0}
    task = open_faulty(success="observation.b_m > 3", progress="observation.b_m / 4", more=names, options=options)
    task.reset(seed=1)
    assert [step(task)[2] for _ in range(3)] == [False, False, True]
    with pytest.raises(BadInput, match=r"observation.d_m, which is not a named entry; known: observation.a_m"):
        open_faulty(success="observation.d_m > 3", more=names)


def test_names_that_do_not_fit(open_faulty):
    with pytest.raises(BadInput, match=r"names.observation.state lists 1 entries \(a\), but the array has 3"):
        open_faulty(more='names.observation.state = ["a"]')
    with pytest.raises(BadInput, match=r"names.observation.wrist: no such array; valid: observation.state, action"):
        open_faulty(more='names.observation.wrist = ["a"]')


def test_info_entries_that_change_their_kind(open_faulty):
    task = open_faulty(mode="changing info")
    task.reset(seed=1)
    infos = [step(task)[4] for _ in range(4)]
    assert ["label" in info for info in infos] == [True, False, True, False]


def test_delays(open_faulty):
    plain, late = open_faulty(), open_faulty(options={"observation_delay_steps": 2.0, "action_delay_steps": 1.0})
    truth = [plain.reset(seed=4)[0]] + [step(plain)[0] for _ in range(4)]
    seen = [late.reset(seed=4)[0]]
    received = []
    for i in range(4):
        observation, *_, info = step(late, action=[i / 4] * 4)
        seen.append(observation)
        received.append(info["received_0"])
    assert [s["observation.state"][0] for s in seen] == [truth[i]["observation.state"][0] for i in (0, 0, 0, 1, 2)]
    assert received == [0.0, 0.0, 0.25, 0.5]


def test_hash_order_is_pinned_and_secrets_stay_here(open_faulty, monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", "99")
    monkeypatch.setenv("SOME_API_KEY", "x")
    monkeypatch.setenv("SOME_ASSETS", "y")
    task = open_faulty()
    task.reset(seed=1)
    info = step(task)[4]
    assert (info["hash_seed"], info["has_api_key"], info["has_assets"]) == (0, 0, 1)


def test_unknown_ids(environments, tmp_path, open_faulty):
    file = tmp_path / "other.toml"
    open_faulty()
    file.write_text((tmp_path / "declaration.toml").read_text() + 'module = "faulty"\n')
    with pytest.raises(BadInput, match=r"faulty/Nothing-v0: .*doesn't exist"):
        open_task("gym:faulty/Nothing-v0", declaration=file)


def test_one_step_costs_little(open_faulty):
    """Guards against a slow path such as a timer or JSON per step; the real figure is in docs/environment.md."""
    task = open_faulty(more="max_steps = 100000", success="steps >= 100000", progress="steps / 100000")
    task.reset(seed=0)
    action = np.zeros(4)
    took = []
    for _ in range(2000):
        start = time.perf_counter()
        task.step(action)
        took.append(time.perf_counter() - start)
    assert np.percentile(took, 10) < 0.5e-3

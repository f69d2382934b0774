"""Pictures on demand and tools: what a policy may ask in the middle of a period, and what it cannot."""

import json

import numpy as np
import pytest

from enpire.core.clock import SystemClock
from enpire.core.files import sha256
from enpire.core.records import MOST_TRIES, Episode, Ticket
from enpire.environment.contract import equipment
from enpire.rollout.recorder import ARRAYS, pack, seal, write_episode
from enpire.rollout.replay import replay
from enpire.rollout.trial import run_trial
from enpire.rollout.worker.client import MOST_ASKS
from enpire.rollout.worker.pool import WorkerPool
from tests.rollout.equipped import ASKING_POLICY, LOOKING_POLICY, EquippedTask

HEAD = """
import os, struct, json
class Policy:
    def __init__(self, task, tools): self.tools = tools
    def reset(self, observation, instruction): pass
    def select_action(self, observation):
"""


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    candidates = tmp_path_factory.mktemp("candidates")
    with WorkerPool(candidates, level="none") as pool:
        yield pool


def play(pool, text, task=None, seed=3, tries=0):
    folder = pool.candidates / f"{len(list(pool.candidates.iterdir()))}"
    folder.mkdir()
    (folder / "policy.py").write_text(text)
    task = task or EquippedTask()
    worker = pool.prepare(folder, task.spec)
    try:
        outcome, trace = run_trial(task, worker, seed, SystemClock(), tries)
    finally:
        report = worker.finish()
    return outcome, trace, report


@pytest.mark.parametrize("policy", [LOOKING_POLICY, ASKING_POLICY])
def test_a_policy_that_looks_or_asks_succeeds(pool, policy):
    task = EquippedTask()
    outcome, trace, report = play(pool, policy, task)
    assert outcome.result == "success", report.log_tail
    assert task.looks + task.calls == trace.steps
    assert (trace.assists, trace.reset_s) == (1, 2.0) and trace.robot_s > 2.0
    assert trace.sealed["distance_m"] < 0.1


def test_nobody_pays_for_a_picture_that_is_not_read(pool):
    task = EquippedTask()
    _, trace, _ = play(pool, HEAD + "        return [0.0, 0.0]", task)
    assert task.looks == 0
    assert set(trace.observations[0]) == {"observation.state"}


def test_a_picture_read_twice_in_a_period_is_made_once(pool):
    task = EquippedTask()
    body = """
        self.last = observation["observation.images.top"].copy()
        assert "observation.images.top" in observation
        assert (observation.get("observation.images.top") == self.last).all()
        self.tools._station.ask({"look": "observation.images.top"})
        return [0.0, 0.0]"""
    outcome, trace, report = play(pool, HEAD + body, task)
    assert (outcome.reason, task.looks) == ("timeout", trace.steps), report.log_tail


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('self.tools.call("oracle")', "unknown tool 'oracle'; valid: position"),
        ('self.tools.call("strange")', "unknown tool"),
        ('self.tools._station.ask({"look": "observation.images.behind"})', "there is no camera"),
        ("observation['observation.images.behind']", "there are observation.state, observation.images.top"),
        ('self.tools.call("long", bytes=100_000)', "ask for less"),
        ('self.tools.call("position", note="x" * 100_000)', "too long"),
        ('[self.tools.call("position") for _ in range(500)]', f"more than {MOST_ASKS} questions"),
    ],
)
def test_a_refused_question_is_an_error_in_the_policy_that_says_why(pool, body, words):
    outcome, _, report = play(pool, HEAD + f"        return {body}")
    assert (outcome.result, outcome.reason) == ("failure", "raised")
    assert words in report.log_tail


@pytest.mark.parametrize(
    "question",
    [b"", b"{", b"[]", b"nonsense", b'{"look": 3}', b'{"verdict": "success"}', b"[" * 5000, b'{"call": "position"} {}'],
)
def test_a_question_that_cannot_be_read_ends_the_episode(pool, question):
    body = f"        os.write(3, struct.pack('<Q', 2**64 - 3) + {question!r}); os.read(3, 10); return [0.0, 0.0]"
    outcome, _, _ = play(pool, HEAD + body)
    assert (outcome.result, outcome.reason) == ("failure", "protocol")


def test_tools_are_closed_while_the_policy_is_made(pool):
    text = LOOKING_POLICY.replace("self.tools = tools", 'tools.call("position")')
    outcome, _, report = play(pool, text)
    assert outcome.reason == "load" and "select_action" in report.log_tail


def test_a_slow_tool_costs_the_periods_it_takes(pool):
    body = "        self.tools.call('slow', seconds=0.18); return [0.0, 0.0]"
    outcome, trace, _ = play(pool, HEAD + body)
    assert outcome.reason == "timeout"
    answered = len(trace.latency_s)
    assert trace.missed >= 3 * (answered - 1)


def test_a_camera_that_breaks_is_not_the_policys_fault_unless_it_breaks_each_time(pool):
    assert play(pool, LOOKING_POLICY, EquippedTask({"fail_step": 1.0}))[0].result == "invalid"
    body = "        self.n = getattr(self, 'n', 0) + 1\n        return observation['observation.images.top'][0, 0, :2] \
if self.n > 1 else [0.0, 0.0]"
    outcome, _, _ = play(pool, HEAD + body, EquippedTask({"fail_step": 1.0}), tries=MOST_TRIES - 1)
    assert (outcome.result, outcome.reason) == ("failure", "unplayable")


def test_the_reason_a_task_gives_is_recorded(pool):
    outcome, _, _ = play(pool, HEAD + "        return [1.0, 1.0]")
    assert (outcome.result, outcome.reason) == ("failure", "safety")


def test_an_episode_repeats_from_its_recorded_start(pool, tmp_path):
    task = EquippedTask()
    play(pool, ASKING_POLICY, task, seed=4)
    outcome, trace, _ = play(pool, ASKING_POLICY, task, seed=5)
    arrays = pack(trace.arrays())
    episode = record(outcome, trace, arrays)
    (tmp_path / "episodes").mkdir()
    write_episode(tmp_path / episode.folder, episode, arrays)
    verdicts = [verdict for verdict in replay(EquippedTask(), tmp_path, episode) if verdict]
    assert verdicts[-1].success
    assert [v.progress for v in verdicts] == trace.progress


def test_the_truth_goes_to_the_sealed_log_and_nowhere_else(pool, tmp_path):
    outcome, trace, _ = play(pool, ASKING_POLICY)
    arrays = pack(trace.arrays())
    episode = record(outcome, trace, arrays)
    seal(tmp_path, episode, trace.sealed)
    (line,) = (tmp_path / "sealed" / "one.jsonl").read_text().splitlines()
    assert json.loads(line)["truth"] == trace.sealed
    assert not any("distance" in key for key in trace.arrays())


def test_a_task_without_cameras_and_tools_is_not_equipped():
    from tests.rollout.toy import PointTask

    assert equipment(PointTask()) is None
    assert equipment(EquippedTask()) is not None


def record(outcome, trace, arrays):
    ticket = Ticket(id=1, candidate="c", seed=5, purpose="race", study="s")
    return Episode(
        ticket=1,
        candidate=ticket.candidate,
        seed=ticket.seed,
        purpose=ticket.purpose,
        study=ticket.study,
        station="one",
        result=outcome.result,
        reason=outcome.reason,
        progress=outcome.verdict.progress,
        steps=trace.steps,
        missed=trace.missed,
        duration_s=1.0,
        policy_cpu_s=0.1,
        latency_ms=(0.0, 0.0, 0.0),
        confinement="none",
        manifest="0" * 64,
        artefacts={ARRAYS: sha256(arrays)},
        folder="episodes/0000001",
        evidence={},
    )


def test_arrays_hold_no_pictures(pool):
    _, trace, _ = play(pool, LOOKING_POLICY)
    assert all(array.dtype != np.uint8 for array in trace.arrays().values())

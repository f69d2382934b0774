import numpy as np
import pytest

from enpire.core.clock import VirtualClock
from enpire.core.errors import PolicyFault, StationFault
from enpire.core.records import MOST_TRIES
from enpire.rollout.trial import misses_allowed, run_trial
from tests.rollout.toy import PointTask


class ScriptedPlayer:
    """Plays a function from observation to action; `late` answers arrive that many periods after they were asked."""

    def __init__(self, clock, act, late=None, fault_at=None):
        self.clock, self.act, self.late, self.fault_at = clock, act, late or {}, fault_at or {}

    def wait_loaded(self, timeout_s):
        if "load" in self.fault_at:
            raise self.fault_at["load"]

    def reset(self, observation, timeout_s):
        pass

    def request(self, step, observation):
        self.step, self.waiting = step, self.late.get(step, 0)
        self.answer = np.asarray(self.act(observation["observation.state"]), dtype=float)

    def receive(self, timeout_s):
        if self.step in self.fault_at:
            raise self.fault_at[self.step]
        if self.waiting:
            self.waiting -= 1
            self.clock.advance(timeout_s)
            return None
        return self.answer


def play(act=lambda x: -10 * x, task=None, seed=1, tries=0, **script):
    clock = VirtualClock()
    return run_trial(task or PointTask(), ScriptedPlayer(clock, act, **script), seed, clock, tries)


def test_a_good_policy_succeeds():
    outcome, trace = play()
    assert (outcome.result, outcome.reason) == ("success", "")
    assert trace.success[-1] and not any(trace.success[:-1])
    assert len(trace.observations) == len(trace.actions) + 1 == trace.steps + 1


def test_an_idle_policy_times_out():
    outcome, trace = play(lambda x: 0 * x)
    assert (outcome.result, outcome.reason) == ("failure", "timeout")
    assert trace.steps == PointTask().spec.max_steps


def test_actions_are_clipped_by_us():
    _, trace = play(lambda x: -1e30 * x)
    assert np.all(np.abs(trace.actions) <= 1.0)


def test_a_late_answer_costs_held_commands():
    outcome, trace = play(late={3: 2})
    assert outcome.result == "success"
    assert trace.missed == 2 and sum(trace.held) == 2
    first = trace.held.index(True)
    assert np.array_equal(trace.actions[first], trace.actions[first - 1])
    assert max(trace.latency_s) == pytest.approx(2 * PointTask().spec.period_s)


def test_before_the_first_command_lateness_shortens_the_episode():
    _, trace = play(lambda x: 0 * x, late={0: 5})
    assert trace.charged == 5 and len(trace.actions) == PointTask().spec.max_steps - 5


def test_a_policy_that_never_answers_fails_by_deadline():
    outcome, trace = play(late={2: 10**6})
    assert (outcome.result, outcome.reason) == ("failure", "deadline")
    assert sum(trace.held) == misses_allowed(PointTask().spec.period_s)


@pytest.mark.parametrize("reason", ["raised", "exited", "nonfinite", "shape", "protocol"])
def test_a_fault_of_the_policy_is_its_failure(reason):
    outcome, trace = play(fault_at={4: PolicyFault(reason)})
    assert (outcome.result, outcome.reason) == ("failure", reason)
    assert outcome.verdict.progress == trace.progress[-1]


def test_a_policy_that_does_not_load_fails():
    outcome, trace = play(fault_at={"load": PolicyFault("load", "SyntaxError")})
    assert (outcome.result, outcome.reason, trace.steps) == ("failure", "load", 0)


@pytest.mark.parametrize(
    ("task", "script", "reason"),
    [
        (PointTask({"fail_reset": 1.0}), {}, "reset_failed"),
        (PointTask({"fail_step": 1.0}), {}, "environment"),
        (PointTask(), {"fault_at": {2: StationFault("zygote died")}}, "station"),
    ],
)
def test_a_fault_of_the_station_is_invalid(task, script, reason):
    outcome, _ = play(lambda x: 0 * x, task=task, **script)
    assert (outcome.result, outcome.reason) == ("invalid", reason)


def test_what_breaks_each_time_after_the_policy_has_acted_is_a_failure():
    outcome, _ = play(task=PointTask({"fail_step": 1.0}), tries=MOST_TRIES - 2)
    assert (outcome.result, outcome.reason) == ("invalid", "environment")
    outcome, _ = play(task=PointTask({"fail_step": 1.0}), tries=MOST_TRIES - 1)
    assert (outcome.result, outcome.reason) == ("failure", "unplayable")
    outcome, _ = play(task=PointTask({"fail_reset": 1.0}), tries=MOST_TRIES - 1)
    assert (outcome.result, outcome.reason) == ("invalid", "reset_failed")


def test_the_same_seed_and_actions_repeat_exactly():
    _, first = play(seed=7)
    _, second = play(seed=7)
    assert all(np.array_equal(a, b) for a, b in zip(first.arrays().values(), second.arrays().values(), strict=True))

"""Cheats against the judge of Gymnasium tasks and against what counts as an episode."""

import math
import random

from enpire.core.config import Objective
from enpire.core.records import ActionSpec, ArraySpec, TaskSpec
from enpire.environment.declaration import Declaration
from enpire.environment.host_process import Outcome
from enpire.evolution import selection
from enpire.ledger import events as e
from enpire.ledger.state import State
from enpire.rollout.broker import Broker
from enpire.rollout.trial import fault
from enpire.statistics.race import RaceRule
from enpire.tasks._gymnasium import GymnasiumTask
from tests.ledger.make import Tape, episode

SPEC = TaskSpec(
    name="gym:Scripted-v0",
    instruction="Stay in the goal.",
    observation={"observation.state": ArraySpec(shape=(1,), dtype="float64", names=("x_m",))},
    action=ActionSpec(size=1, low=(-1.0,), high=(1.0,)),
    period_s=0.1,
    max_steps=10,
)


class NothingChanged:
    """A freeze that always holds: what it guards is tested elsewhere."""

    def check(self):
        pass

    check_environment = check


class ScriptedHost:
    """An environment that reports what a test wrote down: the coverage, and how the episode ends."""

    alive, description = True, None

    def __init__(self, coverage, end=""):
        self.coverage, self.end, self.at = coverage, end, 0

    def reset(self, seed):
        self.at = 0
        return {"observation.state": [0.0]}, Outcome(0.0, False, False, {}, [])

    def step(self, action):
        value = self.coverage[self.at]
        self.at += 1
        last = self.at == len(self.coverage)
        flags = (last and self.end == "terminated", last and self.end == "truncated")
        return {"observation.state": [value]}, Outcome(value, *flags, {"coverage": value}, [])

    def close(self):
        self.alive = False


def judged(success, coverage, end=""):
    """Verdict after each step, up to the first success."""
    declaration = Declaration(requirements=(), success=success, progress="info.coverage")
    task = GymnasiumTask(declaration, None, ScriptedHost(coverage, end), SPEC, NothingChanged())
    task.reset(seed=1)
    verdicts = []
    for _ in coverage:
        task.step([0.0])
        verdicts.append(task.verify().success)
    return verdicts


def test_passing_through_the_goal_is_not_a_success():
    """V1: one frame in the goal, or twice half of what is asked."""
    assert not any(judged("info.coverage >= 0.9 for 4 steps", [0, 1, 0, 1, 1, 1, 0, 1]))
    assert judged("info.coverage >= 0.9 for 4 steps", [1, 1, 1, 1])[-1] is True


def test_a_success_that_does_not_last_does_not_count_at_the_end():
    """V1: in the goal on the way, out of it when the episode ends."""
    assert not any(judged("info.coverage >= 0.9 at end", [1, 1, 1, 0], "truncated"))
    assert judged("info.coverage >= 0.9 at end", [0, 0, 0, 1], "truncated")[-1] is True
    assert not any(judged("info.coverage >= 0.9 at end", [1, 1, 1, 1]))


def test_what_the_judge_cannot_see_is_not_a_success():
    """V2: a hidden object gives NaN; NaN meets no threshold and breaks a dwell."""
    hidden = judged("info.coverage <= 0.1", [math.nan] * 3)
    assert hidden == [None] * 3 and not any(hidden)
    assert not any(judged("info.coverage >= 0.9 for 3 steps", [1, 1, math.nan, 1, 1]))


def test_dying_early_is_not_a_success():
    """V5: an exploit of the physics that ends the episode meets no threshold by itself."""
    assert not any(judged("info.coverage >= 0.9", [0.2, 0.3], "terminated"))
    assert not any(judged("return >= 475 at end", [500.0, -100.0], "terminated"))
    assert judged("terminated", [0.0, 0.0], "terminated") == [False, True]


def test_progress_beyond_its_range_earns_nothing_more():
    """V5: an object that is thrown across the room is worth no more than one in the goal."""
    declaration = Declaration(requirements=(), success="info.coverage >= 0.9", progress="info.coverage")
    task = GymnasiumTask(declaration, None, ScriptedHost([-1e9, 1e9, math.inf, math.nan]), SPEC, NothingChanged())
    task.reset(seed=1)
    progress = []
    for _ in range(4):
        task.step([0.0])
        progress.append(task.verify().progress)
    assert progress == [0.0, 1.0, 1.0, 0.0]


# ------------------------------------------------------------------ what counts as an episode


def run_claim(outcome_of, tickets=400):
    """A campaign's claim, played by the broker and decided by the rules; `outcome_of(seed)` is what happens."""
    tape = Tape(State(), target=0.8)
    study = e.StudyOpened(study="claim-1", kind="claim", idea="0000", arms=("c0",), p0=0.8, alpha=0.05)
    tape.add(study)
    state = tape.state
    broker = Broker(state, b"k" * 32, RaceRule(), Objective(), random.Random(1))
    for _ in range(tickets):
        ticket = broker.next_proof()
        if ticket is None or state.studies["claim-1"].closed is not None:
            break
        result = {"seed": ticket.seed, "purpose": ticket.purpose, "study": ticket.study, "candidate": "c0"}
        result |= outcome_of(ticket.seed)
        if result.get("reason") == "environment":  # as the trial says it, after the policy has acted
            told = fault("environment", "", acted=True, tries=ticket.tries)
            result |= {"result": told.result, "reason": told.reason}
        tape.add(
            e.TicketsPlanned(tickets=(ticket,)),
            e.EpisodeStarted(ticket=ticket.id, station="station-1"),
            e.EpisodeRecorded(episode=episode(ticket.id, **result)),
        )
        tape.add(*[x for x in selection.settle(state, selection.Rules()) if isinstance(x, e.StudyClosed)])
    return state.studies["claim-1"]


def hard(seed):
    return seed % 2 == 0


def test_failing_on_hard_start_states_is_no_claim():
    """The control of the next test."""
    closed = run_claim(lambda seed: {} if hard(seed) else {"result": "success", "reason": ""}).closed
    assert closed is None or not closed.accepted


def test_start_states_that_cannot_be_reset_are_no_way_to_a_claim():
    """V7: the scene is left such that resets to hard start states fail, always: they would leave the denominator."""
    study = run_claim(
        lambda seed: (
            {"result": "invalid", "reason": "reset_failed"} if seed % 10 == 0 else {"result": "success", "reason": ""}
        )
    )
    assert study.closed is not None and not study.closed.accepted
    assert "could not be played" in study.closed.reason


def test_invalid_episodes_are_replayed_on_the_same_start_state():
    """V7: one broken episode on a hard start state does not remove it."""
    broken = set()

    def outcome(seed):
        if hard(seed) and seed not in broken:
            broken.add(seed)
            return {"result": "invalid", "reason": "environment"}
        return {} if hard(seed) else {"result": "success", "reason": ""}

    study = run_claim(outcome)
    assert broken
    assert study.closed is None or not study.closed.accepted
    valid = {x.seed for x in study.of("c0")}
    assert len(broken - valid) <= 1  # at most the one that is to be replayed next


def test_breaking_the_environment_on_hard_start_states_is_no_claim():
    """V7: a policy that makes the simulator fail whenever it goes badly."""
    study = run_claim(
        lambda seed: (
            {"result": "invalid", "reason": "environment"} if hard(seed) else {"result": "success", "reason": ""}
        )
    )
    assert study.closed is None or not study.closed.accepted

"""The promises of the gate under Hypothesis, and what it says about itself."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.core.errors import BadInput, StationFault
from enpire.environment.safety.gate import Gate
from tests.environment.safety.properties import PROMISES
from tests.environment.safety.stand import (
    HOME,
    KINDS,
    LIMITS,
    OPEN_AIR,
    STOP_TICKS,
    TICK_S,
    check_free,
    check_inside,
    check_rates,
    clearance,
    drive,
    script,
    started,
    still,
    trail,
)


def put(promise: Callable[[type[Gate], int], None], examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(st.integers(0, 1 << 30))
    def kept(seed: int) -> None:
        promise(Gate, seed)

    kept()


@pytest.mark.parametrize("promise", PROMISES, ids=lambda p: p.__name__)
def test_promise(promise: Callable[[type[Gate], int], None]) -> None:
    put(promise, 3)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("promise", PROMISES, ids=lambda p: p.__name__)
def test_promise_over_and_over(promise: Callable[[type[Gate], int], None]) -> None:
    put(promise, 60)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 1 << 20), st.integers(1, 12)), max_size=8))
def test_any_interleaving_of_hostile_kinds_stays_legal(bursts: list[tuple[str, int, int]]) -> None:
    gate = started()
    path = trail(drive(gate, [action for burst in bursts for action in script(*burst)] or [None]))
    check_inside(path)
    check_rates(path)
    check_free(path)


def test_everything_stands_within_half_a_second() -> None:
    assert STOP_TICKS * TICK_S <= 0.5
    gate = started(limits=OPEN_AIR)
    drive(gate, [HOME + 1.0] * 40)
    stopping = drive(gate, [None] * (STOP_TICKS + 3))
    assert (stopping[0].velocity != 0.0).any() and still(stopping[STOP_TICKS:])


def test_a_goal_is_reached_and_asking_again_changes_nothing() -> None:
    gate, goal = started(), HOME.copy()
    goal[[0, 4, 7]] += 0.2
    drive(gate, [goal] * 200)
    again = drive(gate, [goal] * 50)
    assert still(again) and (again[0].position == goal).all() and not again[0].interventions


def test_an_arm_at_a_limit_can_leave_it_and_does_not_stop_the_other() -> None:
    gate, down = started(), HOME.copy()
    down[1] += 0.9  # the shoulder leans forward until the hand is at the table or the edge of the box
    down[8 + 4] += 0.2
    pressed = drive(gate, [down] * 200)
    assert {"table", "workspace"} & set(pressed[-1].interventions)
    assert pressed[-1].position[1] < down[1] - 0.01 and pressed[-1].position[12] == pytest.approx(down[12])
    away = drive(gate, [HOME] * 200)
    assert away[-1].position[1] == HOME[1] and not away[-1].interventions


def test_an_error_inside_brakes_and_latches() -> None:
    class Broken(Gate):
        def _useless(self, *_: object) -> str:
            raise ZeroDivisionError("a bug")

    gate = started()
    drive(gate, [HOME + 0.3] * 15)
    gate.__class__ = Broken
    stopping = drive(gate, [HOME + 0.3] * (STOP_TICKS + 3))
    assert "ZeroDivisionError" in gate.latched and still(stopping[STOP_TICKS:])
    assert stopping[0].interventions == ("latched",)


def test_commands_leave_a_share_of_the_velocity_unused() -> None:
    gate = started(limits=replace(OPEN_AIR, velocity_margin=0.4))
    fastest = np.abs([c.velocity for c in drive(gate, [HOME + 1.0] * 60)]).max(axis=0)
    assert fastest[:3] == pytest.approx(0.6 * np.array(LIMITS.velocity[:3]), rel=1e-6)


def test_useless_commands_have_names() -> None:
    gate = started()
    assert gate.tick(None, HOME).interventions == ("missing",)
    assert gate.tick(HOME * np.nan, HOME).interventions == ("nonfinite",)
    assert gate.tick(HOME, HOME).interventions == ()
    assert gate.tick(HOME, HOME + np.inf).interventions == ("nonfinite",)


def test_only_start_opens_the_gate_and_it_begins_at_rest() -> None:
    gate = started()
    drive(gate, [HOME + 1.0] * 20 + [None] * 40)
    assert gate.latched
    gate.start(HOME)
    assert not gate.latched
    command = gate.tick(HOME, HOME)
    assert (command.position == HOME).all() and (command.velocity == 0.0).all()


def test_a_gate_that_was_never_started_commands_nothing() -> None:
    with pytest.raises(StationFault, match="not started"):
        Gate(LIMITS, clearance()).tick(HOME, HOME)


@pytest.mark.parametrize("value", [np.nan, np.inf, 4.0])
def test_it_does_not_start_from_an_impossible_pose(value: float) -> None:
    gate, pose = started(), HOME.copy()
    pose[2] = value
    with pytest.raises(BadInput):
        gate.start(pose)
    assert gate.latched


@pytest.mark.parametrize(
    "wrong",
    [
        {"low": (0.0,)},
        {"velocity": (1.0,)},
        {"jerk": (0.0,) * 14},
        {"acceleration": (float("nan"),) * 14},
        {"margin": (9.0,) * 14},
        {"velocity_margin": 1.0},
        {"high": (float("inf"),) * 14},
    ],
)
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, tuple[float, ...]]) -> None:
    with pytest.raises(BadInput):
        Gate(replace(LIMITS, **wrong), clearance())

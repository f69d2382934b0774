"""Backoff and circuit breaker of a vendor."""

import random
from typing import get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from enpire.agents import health as h
from enpire.agents.health import Health
from enpire.agents.outcome import Outcome
from enpire.core.clock import VirtualClock


def made(**options: str) -> tuple[Health, VirtualClock]:
    clock = VirtualClock(1000.0)
    return Health("codex", clock, random.Random(0), **options), clock


def run(health: Health, outcome: Outcome, detail: str = "", retry_after_s: float = 0.0) -> None:
    """One session after another."""
    assert health.ready(), health.why
    health.started("s")
    health.ended("s", outcome, detail, retry_after_s=retry_after_s)


def test_failed_logins_stop_everything_and_say_what_to_do() -> None:
    health, clock = made(key_variable="OPENAI_API_KEY")
    for _ in range(h.AUTH_FAILURES):
        run(health, "auth", "HTTP 401")
    clock.advance(1e9)
    assert not health.ready()
    assert health.why == ("codex: 3 sessions in a row failed to log in (HTTP 401): check OPENAI_API_KEY, then resume")


def test_an_ok_in_between_starts_the_count_again() -> None:
    health, _ = made()
    for outcome in ["auth", "auth", "ok", "auth", "auth", "error", "error", "error", "error", "ok", "error"]:
        run(health, outcome)  # type: ignore[arg-type]
    assert health.ready()


def test_errors_let_through_one_probe_a_minute() -> None:
    health, clock = made()
    for number in range(h.ERRORS):
        run(health, "error", f"no {number}")
    assert not health.ready() and "5 sessions in a row" in health.why and "(no 4)" in health.why
    clock.advance(h.PROBE_AFTER_S)
    health.started("probe")
    assert not health.ready() and "probe" in health.why
    health.ended("probe", "error")
    assert not health.ready()
    clock.advance(h.PROBE_AFTER_S)
    run(health, "limit")
    run(health, "ok")
    assert health.ready() and not health.why


def test_errors_of_sessions_started_earlier_are_not_the_probe() -> None:
    health, clock = made()
    for number in range(h.ERRORS + 1):
        health.started(str(number))
    for number in range(h.ERRORS):
        health.ended(str(number), "error")
    clock.advance(h.PROBE_AFTER_S)
    health.started("probe")
    health.ended("5", "error")
    assert not health.ready()
    health.ended("probe", "killed")
    assert health.ready()


def test_rate_limits_double_the_pause_up_to_the_cap() -> None:
    health, clock = made()
    pauses = []
    for _ in range(12):
        run(health, "rate_limited")
        pauses.append(health.pause_s)
        assert not health.ready() and "rate limited" in health.why
        clock.advance(health.pause_s)
    assert h.FIRST_PAUSE_S <= pauses[0] <= 2 * h.FIRST_PAUSE_S and pauses[-1] == h.LONGEST_PAUSE_S
    assert pauses == sorted(pauses)
    run(health, "ok")
    run(health, "rate_limited")
    assert health.pause_s <= 2 * h.FIRST_PAUSE_S


def test_sessions_that_hit_one_limit_together_count_once() -> None:
    health, clock = made()
    for number in range(16):
        health.started(str(number))
    for number in range(16):
        clock.advance(0.1)
        health.ended(str(number), "rate_limited")
    assert health.pause_s <= 2 * h.FIRST_PAUSE_S


@pytest.mark.parametrize(("asked_s", "pause_s"), [(50.0, 50.0), (float("inf"), h.LONGEST_WISH_S)])
def test_the_provider_may_ask_for_longer(asked_s: float, pause_s: float) -> None:
    health, clock = made()
    run(health, "rate_limited", retry_after_s=asked_s)
    clock.advance(pause_s - 1)
    assert not health.ready()
    clock.advance(1)
    assert health.ready()


@pytest.mark.parametrize("asked_s", [float("nan"), -1e9])
def test_nonsense_about_the_pause_is_ignored(asked_s: float) -> None:
    health, clock = made()
    run(health, "rate_limited", retry_after_s=asked_s)
    assert not health.ready()
    clock.advance(health.pause_s)
    assert health.ready()


class Vendor(RuleBasedStateMachine):
    """Any interleaving of sessions: the breaker must hold whatever the order."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.health = Health("codex", self.clock, random.Random(1), key_variable="KEY")
        self.running: dict[str, bool] = {}  # session -> whether it started while errors piled up
        self.errors = self.auths = self.count = 0
        self.pauses = [0.0]

    @rule(seconds=st.sampled_from([0.0, 1.0, 59.0, 61.0, 301.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @precondition(lambda self: self.health.ready())
    @rule()
    def start(self) -> None:
        self.count += 1
        self.running[str(self.count)] = self.errors >= h.ERRORS
        self.health.started(str(self.count))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), outcome=st.sampled_from(["error", "error", *get_args(Outcome)]))
    def end(self, data: st.DataObject, outcome: Outcome) -> None:
        session = data.draw(st.sampled_from(sorted(self.running)))
        del self.running[session]
        self.health.ended(session, outcome, "why\nnot")
        if outcome == "ok":
            self.errors = self.auths = 0
            self.pauses = [0.0]
            self.running = dict.fromkeys(self.running, False)
            assert self.health.ready() and self.health.pause_s == 0.0
        self.errors += outcome == "error"
        self.auths += outcome == "auth"
        self.pauses.append(self.health.pause_s)

    @invariant()
    def at_most_one_probe(self) -> None:
        assert sum(self.running.values()) <= 1

    @invariant()
    def pauses_never_shrink_and_never_pass_the_cap(self) -> None:
        assert self.pauses == sorted(self.pauses) and self.pauses[-1] <= h.LONGEST_PAUSE_S

    @invariant()
    def no_session_after_too_many_failed_logins(self) -> None:
        assert self.health.hopeless == (self.auths >= h.AUTH_FAILURES)
        if self.health.hopeless:
            assert not self.health.ready() and "KEY" in self.health.why

    @invariant()
    def a_reason_is_one_line(self) -> None:
        assert self.health.ready() == (not self.health.why) and "\n" not in self.health.why


Vendor.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestVendor = Vendor.TestCase

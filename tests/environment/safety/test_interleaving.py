"""Policy, gate, watch, driver and emergency stop in any order: whatever happens, the driver is never told too much."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from enpire.environment.safety.watch import Watch, WatchLimits
from tests.environment.safety.stand import HOME, LIMITS, TICK_S, check_free, check_inside, check_rates, script, started

WIDE = WatchLimits(low=LIMITS.low, high=LIMITS.high, velocity=(50.0,) * 14, effort=(99.0,) * 14, tracking=(9.0,) * 14)


class Station(RuleBasedStateMachine):
    """One tick of the driver loop after each event; time is counted in ticks."""

    @initialize()
    def begin(self) -> None:
        self.gate, self.watch = started(), Watch(WIDE, 0.0)
        self.now_s, self.owner = 0.0, 1
        self.gated, self.sent = [HOME] * 4, [HOME]
        self.pressed = False

    def gate_ticks(self, action: np.ndarray | None) -> None:
        self.now_s += TICK_S
        command = self.gate.tick(action, self.sent[-1], now_s=self.now_s)
        self.gated.append(command.position)
        self.watch.beat(self.owner, command.position, self.now_s)
        self.driver_ticks()

    def driver_ticks(self) -> None:
        self.watch.read(self.sent[-1], np.zeros(14), np.zeros(14), self.now_s)
        order = self.watch.order(self.now_s)
        if order in ("send", "hold"):
            assert not self.pressed, "a command after the emergency stop"
            self.sent.append(self.watch.target)

    @rule(kind=st.sampled_from(["far", "bang", "random", "nudges", "aimed", "junk"]), seed=st.integers(0, 99))
    def policy_acts(self, kind: str, seed: int) -> None:
        for action in script(kind, seed, 5):
            self.gate_ticks(action)

    @rule(ticks=st.integers(1, 6))
    def policy_is_silent(self, ticks: int) -> None:
        for _ in range(ticks):
            self.gate_ticks(None)

    @rule(ticks=st.integers(1, 40))
    def gate_is_silent(self, ticks: int) -> None:
        before = len(self.sent)
        for _ in range(ticks):
            self.now_s += TICK_S
            self.driver_ticks()
        assert all((s == self.sent[before - 1]).all() for s in self.sent[before:]), "a silent gate moved the robot"
        assert ticks <= 30 or self.watch.stopped or self.watch.target is None

    @rule()
    def a_stale_owner_speaks(self) -> None:
        assert not self.watch.beat(self.owner - 1, HOME + 1.0, self.now_s)

    @rule()
    def the_button_is_pressed(self) -> None:
        self.watch.stop("button")
        self.pressed = True

    @rule()
    def the_clock_jumps(self) -> None:
        self.now_s += 7.0

    @rule()
    def a_new_episode_begins(self) -> None:
        """Only a person or a reset does this; the robot stands by then."""
        if (self.gated[-1] == self.gated[-2]).all() and (self.gated[-2] == self.gated[-3]).all():
            self.gate.start(self.gated[-1])

    @invariant()
    def all_commands_are_legal(self) -> None:
        check_inside(np.array(self.gated))
        check_rates(np.array(self.gated))
        check_free(np.array(self.sent[-40:]))


TestStation = Station.TestCase
TestStation.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)

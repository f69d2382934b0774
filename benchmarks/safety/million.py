"""Hostile actions through the motion gate: does any command leave the limits?

    python benchmarks/safety/million.py [--n 1000000] [--seed 1] [--minutes 60]

Ends after `--n` actions or `--minutes` of CPU, whichever comes first; Ctrl-C and SIGTERM end it earlier. However it
ends, it prints what was counted. A line of progress comes every half minute. RESULTS.md holds the last tables.
"""

import argparse
import signal
import time
from collections import Counter

import numpy as np
from foe import BURST, Foe, Vector

from enpire.environment.safety.clearance import Clearance
from enpire.environment.safety.gate import Gate
from enpire.environment.safety.limits import SafetyLimits
from enpire.simulation.arms import yam
from enpire.simulation.scene import ARM_BASES

TICK_S = 0.01
ROUNDING = 1e-9
PROGRESS_S = 30.0
LIMITS = SafetyLimits(
    low=(*yam.JOINT_LOW, 0.0) * 2,
    high=(*yam.JOINT_HIGH, 1.0) * 2,
    velocity=(2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 2.0) * 2,
    acceleration=(10.0, 10.0, 10.0, 15.0, 15.0, 15.0, 20.0) * 2,
    jerk=(200.0, 200.0, 200.0, 300.0, 300.0, 300.0, 1000.0) * 2,
    box_low_m=(0.08, -0.45, 0.0),
    box_high_m=(0.60, 0.45, 0.60),
    margin=(*(0.02,) * 6, 0.0) * 2,
)
MARGIN = np.array(LIMITS.margin)
LOW, HIGH, HOME = np.array(LIMITS.low) + MARGIN, np.array(LIMITS.high) - MARGIN, np.array(yam.HOME * 2)
CHECKS = ("finite", "joint range", "velocity", "acceleration", "jerk", "workspace", "table", "clearance")


class Tally:
    """What was sent and what came out.

    Attributes:
        sent, latches: Actions; how often the gate shut.
        exceeded: Single values of commands that broke a limit, by kind of limit.
    """

    def __init__(self, judge: Clearance) -> None:
        self._judge = judge
        self.sent = self.latches = 0
        self.exceeded, self.notes, self.ticks = Counter[str](), Counter[str](), Counter[str]()
        self.cpu_s: dict[str, float] = {}
        self.closest = np.full(len(judge.kinds), np.inf)

    def add(self, trail: Vector) -> None:
        """Judge commands, shape (T, A); the first four were judged before and give the differences."""
        new, margins = trail[4:], self._judge.margins(trail[4:])
        self.closest = np.minimum(self.closest, margins.min(axis=0))
        self._count("finite", ~np.isfinite(new))
        self._count("joint range", (new < LOW) | (new > HIGH))
        for kind, column in zip(self._judge.kinds, margins.T, strict=True):
            self._count(kind, column < -ROUNDING)
        rates = (("velocity", LIMITS.velocity), ("acceleration", LIMITS.acceleration), ("jerk", LIMITS.jerk))
        for order, (kind, limit) in enumerate(rates, 1):
            rate = np.abs(np.diff(trail, order, axis=0)) / TICK_S**order
            self._count(kind, rate > np.array(limit) * (1 + ROUNDING) + 1e-13 / TICK_S**order)

    def _count(self, kind: str, broken: np.ndarray) -> None:
        self.exceeded[kind] += int(broken.sum())

    def line(self) -> str:
        """Where it stands."""
        return f"{self.sent} actions, {self.exceeded.total()} limits exceeded, {self.latches} latches"

    def report(self, seed: int, cpu_s: float) -> str:
        """All of it in Markdown."""
        rows = [f"{self.line()}; seed {seed}, {cpu_s / 60:.1f} CPU-minutes", "", "| limit | exceeded |", "|---|---|"]
        rows += [f"| {kind} | {self.exceeded[kind]} |" for kind in CHECKS]
        rows += ["", "| kind of action | actions | CPU per tick |", "|---|---|---|"]
        rows += [f"| {k} | {n} | {self.cpu_s[k] / n * 1e6:.0f} µs |" for k, n in self.ticks.items()]
        rows += ["", "| intervention | ticks |", "|---|---|"]
        rows += [f"| {name} | {count} |" for name, count in self.notes.most_common()]
        least = ", ".join(f"{k} {m:.1e}" for k, m in zip(self._judge.kinds, self.closest, strict=True))
        return "\n".join([*rows, "", f"least margins, m: {least}"])


def play(tally: Tally, foe: Foe, gate: Gate, rng: np.random.Generator, n: int, cpu_s: float) -> None:
    """Bursts of hostile actions until `n` were sent or so much CPU was used."""
    gate.start(HOME)
    trail, said_s = np.tile(HOME, (4, 1)), time.monotonic()
    while tally.sent < n and time.process_time() < cpu_s:
        kind = foe.kinds[rng.integers(len(foe.kinds))]
        if rng.random() < 0.05:  # a new episode at home, as after a reset
            gate.start(HOME)
            trail = np.tile(HOME, (4, 1))
        actions, out, spent_s = list(foe.burst(kind, trail[-1])), [], 0.0
        for action in actions:
            measured = trail[-1] if rng.random() > 0.001 else np.full(len(LOW), np.nan)
            before = time.process_time()
            command = gate.tick(action, measured)
            spent_s += time.process_time() - before
            tally.notes.update(command.interventions)
            out.append(command.position)
        latched = bool(gate.latched)
        while latched and (len(out) < 3 or (out[-3] != out[-1]).any() or (out[-2] != out[-1]).any()):
            out.append(gate.tick(HOME, HOME).position)  # nobody is obeyed until it stands
        if latched:
            gate.start(out[-1])
        trail = np.concatenate([trail[-4:], np.array(out)])
        tally.add(trail)
        tally.sent, tally.latches = tally.sent + BURST, tally.latches + latched
        tally.ticks[kind] += BURST
        tally.cpu_s[kind] = tally.cpu_s.get(kind, 0.0) + spent_s
        if time.monotonic() - said_s > PROGRESS_S:
            said_s = time.monotonic()
            print(f"{tally.line()}; {time.process_time() / 60:.1f} CPU-minutes", flush=True)


def main() -> None:
    """Play and report, whatever ends it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1_000_000, help="actions")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60.0, help="of CPU, at most")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rng = np.random.default_rng(options.seed)
    clearance, judge = (Clearance(yam.nominal_model(ARM_BASES), ("left", "right"), LIMITS) for _ in range(2))
    tally = Tally(judge)
    try:
        play(tally, Foe(judge, LIMITS, rng), Gate(LIMITS, clearance), rng, options.n, 60.0 * options.minutes)
    except KeyboardInterrupt:
        print("ended early")
    print(f"\n{tally.report(options.seed, time.process_time())}")
    print(f"looks at the geometry per tick: {clearance.evaluations / max(tally.sent, 1):.2f}", flush=True)


if __name__ == "__main__":
    main()

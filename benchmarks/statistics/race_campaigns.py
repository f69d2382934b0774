"""Toy campaigns for the race study: proposals change a true success rate, a rule decides from simulated episodes.

The true rate starts at 0.30. A proposal makes it worse, leaves it or makes it better with fixed shares; the size of a
change is exponential on the log-odds scale. Every episode, control episodes included, is charged to the budget.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log, nan
from random import Random
from typing import Literal, NamedTuple

from enpire.statistics import race, two_sample

START_RATE = 0.30
STEP = 0.7
"""Mean change of a proposal that changes anything, in log-odds."""
CHECKPOINTS = (500, 1_000, 3_000)


class Mix(NamedTuple):
    """Shares of worse and equal proposals; the rest is better."""

    worse: float
    equal: float


EASY = Mix(worse=0.55, equal=0.25)
HARD = Mix(worse=0.60, equal=0.32)


class Champion(NamedTuple):
    """Who is to be beaten: its true rate, and the episodes by which it is known."""

    rate: float
    known: race.Sample = race.Sample()


class Judged(NamedTuple):
    """End of one hypothesis: the champion from now on, whether it changed, and the episodes charged."""

    champion: Champion
    kept: bool
    episodes: int


Rule = Callable[[Champion, float, Random], Judged]


class Snapshot(NamedTuple):
    """A campaign at a checkpoint. `optimism` is claimed minus true rate."""

    rate: float
    optimism: float
    hypotheses: int
    keeps: int
    bad_keeps: int


def shifted(rate: float, log_odds: float) -> float:
    """Success rate moved on the log-odds scale."""
    return 1 / (1 + exp(-log(rate / (1 - rate)) - log_odds))


def propose(rate: float, mix: Mix, rng: Random) -> float:
    """True rate of a proposal that starts from a champion of rate `rate`."""
    kind = rng.random()
    if kind < mix.worse:
        return shifted(rate, -rng.expovariate(1 / STEP))
    if kind < mix.worse + mix.equal:
        return rate
    return shifted(rate, rng.expovariate(1 / STEP))


def campaign(rule: Rule, mix: Mix, rng: Random) -> list[Snapshot]:
    """State at each checkpoint, after the last hypothesis that ended by then."""
    champion, used, hypotheses, keeps, bad = Champion(START_RATE), 0, 0, 0, 0
    snapshots: list[Snapshot] = []
    while len(snapshots) < len(CHECKPOINTS):
        rate = propose(champion.rate, mix, rng)
        judged = rule(champion, rate, rng)
        used += judged.episodes
        while len(snapshots) < len(CHECKPOINTS) and used > CHECKPOINTS[len(snapshots)]:
            optimism = champion.known.mean - champion.rate
            snapshots.append(Snapshot(champion.rate, optimism, hypotheses, keeps, bad))
        hypotheses, keeps = hypotheses + 1, keeps + judged.kept
        bad += judged.kept and rate <= champion.rate
        champion = judged.champion
    return snapshots


def episodes(rate: float, n: int, rng: Random) -> race.Sample:
    """Sample of n fresh episodes."""
    successes = float(sum(rng.random() < rate for _ in range(n)))
    return race.Sample(n, successes, successes)


@dataclass(frozen=True)
class Greedy:
    """Keep what scores above the stored best score in n episodes. The incumbent is measured once, at its start."""

    n: int

    def __call__(self, champion: Champion, rate: float, rng: Random) -> Judged:
        used = self.n
        if not champion.known.n:
            champion, used = champion._replace(known=episodes(champion.rate, self.n, rng)), 2 * self.n
        score = episodes(rate, self.n, rng)
        kept = score.mean > champion.known.mean
        return Judged(Champion(rate, score) if kept else champion, kept, used)


@dataclass(frozen=True)
class Race:
    """The shipped race. `winner` says how the estimate of a new champion starts.

    fresh: without episodes. reused: with its screening episodes. confirmed: with 30 fresh episodes, which must also
    make it more likely than not better than the incumbent, measured with 10 more.
    """

    rule: race.RaceRule = field(default_factory=race.RaceRule)
    winner: Literal["fresh", "reused", "confirmed"] = "fresh"

    def __call__(self, champion: Champion, rate: float, rng: Random) -> Judged:
        before = champion.known.n
        verdict, arms, incumbent = run_race({"a": rate}, champion, self.rule, rng)
        used = arms["a"].n + incumbent.n - before
        champion = champion._replace(known=incumbent)
        if verdict.verdict != "kept":
            return Judged(champion, False, used)
        if self.winner != "confirmed":
            known = arms["a"] if self.winner == "reused" else race.Sample()
            return Judged(Champion(rate, known), True, used)
        again, control = episodes(rate, 30, rng), pooled(incumbent, episodes(champion.rate, 10, rng))
        if race.probability_better(again, control) > 0.5:
            return Judged(Champion(rate, again), True, used + 40)
        return Judged(champion._replace(known=control), False, used + 40)


def run_race(
    rates: Mapping[str, float], champion: Champion, rule: race.RaceRule, rng: Random
) -> tuple[race.RaceDecision, dict[str, race.Sample], race.Sample]:
    """One race to its end with `next_arm` and `decide`: the decision and all samples."""
    arms, incumbent = dict.fromkeys(rates, race.Sample()), champion.known
    while True:
        name = race.next_arm(arms, incumbent, rule, rng)
        if name is None:
            incumbent = incumbent.add(float(rng.random() < champion.rate))
        else:
            arms[name] = arms[name].add(float(rng.random() < rates[name]))
        decision = race.decide(arms, incumbent, rule)
        if decision.verdict is not None:
            return decision, arms, incumbent


def pooled(one: race.Sample, other: race.Sample) -> race.Sample:
    """All episodes of two samples of the same arm."""
    return race.Sample(one.n + other.n, one.total + other.total, one.squares + other.squares)


@dataclass(frozen=True)
class SequentialTest:
    """Keep when the two-sample e-process rejects "not better"; one incumbent episode per candidate episode."""

    alpha: float = 0.2
    cap: int = 40
    futility: float = 0.2

    def __call__(self, champion: Champion, rate: float, rng: Random) -> Judged:
        a = [rng.random() < champion.rate for _ in range(self.cap)]
        b = [rng.random() < rate for _ in range(self.cap)]
        path = two_sample.log_e_path(a, b)
        ours = theirs = race.Sample()
        for block in range(self.cap):
            ours, theirs = ours.add(float(b[block])), theirs.add(float(a[block]))
            if path[block] >= -log(self.alpha):
                return Judged(Champion(rate), True, 2 * block + 2)
            if block >= 2 and race.probability_better(ours, theirs) < self.futility:
                return Judged(Champion(champion.rate, pooled(champion.known, theirs)), False, 2 * block + 2)
        return Judged(Champion(champion.rate, pooled(champion.known, theirs)), False, 2 * self.cap)


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean and its standard error; NaN entries (nothing claimed yet) are left out."""
    kept = [value for value in values if value == value]
    if len(kept) < 2:
        return nan, nan
    mean = sum(kept) / len(kept)
    variance = sum((value - mean) ** 2 for value in kept) / (len(kept) - 1)
    return mean, (variance / len(kept)) ** 0.5

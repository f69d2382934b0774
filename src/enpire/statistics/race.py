"""Races: which candidate gets the next episode, and when there is enough evidence to keep, drop or park an idea.

Search decisions may be wrong now and then, so they are fast rather than strict. The incumbent is measured again while
the race runs, because a stored record is a lucky record. Reported numbers never come from here: see `two_sample` and
`one_sample`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import cos, erfc, log, nan, pi, sqrt
from typing import Literal, NamedTuple, Protocol

_PRIOR_EPISODES = 4.0
"""Weight, in episodes, of the prior belief that an arm is about as good as its opponent."""


class Uniform(Protocol):
    """Source of random numbers: `random.Random` and `numpy.random.Generator` both fit."""

    def random(self) -> float:
        """Uniform in [0, 1)."""
        ...


@dataclass(frozen=True)
class Sample:
    """Episodes of one arm, as sums of their utilities in [0, 1]. Success counts 1, failure 0, progress in between.

    Attributes:
        n: Number of episodes.
        total: Sum of the utilities.
        squares: Sum of the squared utilities.
    """

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: Iterable[float]) -> "Sample":
        """Sample of the given utilities, each in [0, 1]."""
        sample = cls()
        for value in values:
            sample = sample.add(value)
        return sample

    def add(self, value: float) -> "Sample":
        """This sample with one more utility in [0, 1]."""
        if not 0 <= value <= 1:
            raise ValueError(f"utility is {value}; it must be in [0, 1]")
        return Sample(self.n + 1, self.total + value, self.squares + value * value)

    @property
    def mean(self) -> float:
        """Mean utility; NaN without episodes."""
        return self.total / self.n if self.n else nan


@dataclass(frozen=True, kw_only=True)
class RaceRule:
    """When a race ends and how its episodes are shared out."""

    keep: float = 0.9
    """Keep a lone variant once it beats the incumbent with more than this probability; many variants need more."""
    effect: float = 0.02
    """Smallest improvement worth robot time, as a share of what the incumbent lacks to utility 1."""
    discard: float = 0.4
    """Drop an arm once it beats the incumbent by `effect` with less than this probability."""
    minimum: int = 3
    """Episodes of each arm, incumbent included, before anything is decided about it."""
    opening: int = 4
    """Episodes per variant, on average, after which only the best variant goes on."""
    cap: int = 32
    """Episodes of the best arm after which the race stops asking and parks the idea; each further variant adds
    `opening` episodes to what the race may cost in all."""
    control_share: float = 0.25
    """Share of the episodes that re-measure the incumbent."""

    def __post_init__(self) -> None:
        if not 0 <= self.discard < self.keep <= 1:
            raise ValueError(f"discard is {self.discard} and keep {self.keep}; need 0 <= discard < keep <= 1")
        if not 1 <= self.minimum <= self.cap:
            raise ValueError(f"minimum is {self.minimum} and cap {self.cap}; need 1 <= minimum <= cap")
        if self.opening < self.minimum:
            raise ValueError(f"opening is {self.opening} and minimum {self.minimum}; need minimum <= opening")
        if not 0 < self.control_share < 1:
            raise ValueError(f"control_share is {self.control_share}; it must be inside (0, 1)")


class RaceDecision(NamedTuple):
    """State of a race.

    Attributes:
        verdict: How the race ended; None means go on.
        best: Alive arm with the highest expected utility; None if none is alive.
        alive: Arms not eliminated, in the order given.
    """

    verdict: Literal["kept", "dropped", "parked"] | None
    best: str | None
    alive: tuple[str, ...]


def probability_better(candidate: Sample, incumbent: Sample, margin: float = 0.0) -> float:
    """Probability that the candidate's expected utility is above the incumbent's by more than `margin`, given the data.

    Each arm's utilities get a Dirichlet process prior (Ferguson, Annals of Statistics 1, 1973) that is worth
    `_PRIOR_EPISODES` episodes drawn from the outcomes of both arms, to which half a success and half a failure are
    added. With data 0 or 1 the posterior of the mean is a beta distribution; utilities in between lower the variance;
    equal outcomes leave some. The difference of the two means is taken as normal.
    """
    prior = _pooled(candidate, incumbent)
    mean_c, variance_c = _posterior(candidate, prior)
    mean_i, variance_i = _posterior(incumbent, prior)
    return 0.5 * erfc((mean_i + margin - mean_c) / sqrt(2 * (variance_c + variance_i)))


def decide(arms: Mapping[str, Sample], incumbent: Sample, rule: RaceRule) -> RaceDecision:
    """State of the race after the episodes in `arms` and `incumbent`.

    Successive elimination: with `minimum` episodes on both sides, an arm is out when it beats the incumbent by
    `effect` with less than `discard`, or the best arm with less than 1 - `keep`. After `opening` episodes per variant
    only the best goes on, so that variants without effect do not cost `cap` episodes each. The best of K variants
    looks better than it is, so it is kept when the probability that it is no better falls below (1 - `keep`) / K: the
    chance to keep the luckiest of K equal variants then does not grow with K (Bonferroni; measured in
    `benchmarks/statistics`).

    Args:
        arms: Sample of each variant, all its episodes of this race.
        incumbent: Sample of the incumbent within the current drift window.
        rule: Thresholds.
    """
    if not arms:
        raise ValueError("arms is empty; a race needs at least one variant")
    margin = rule.effect * (1.0 - incumbent.mean) if incumbent.n else 0.0
    alive = tuple(n for n, arm in arms.items() if not _beaten(arm, incumbent, rule.discard, rule.minimum, margin))
    if not alive:
        return RaceDecision("dropped", None, ())
    best = max(alive, key=lambda name: _posterior(arms[name], _pooled(arms[name], incumbent))[0])
    spent = sum(arm.n for arm in arms.values())
    if len(alive) > 1:
        leader = arms[best]
        alive = tuple(n for n in alive if n == best or not _beaten(arms[n], leader, 1 - rule.keep, rule.minimum))
        if spent >= rule.opening * len(arms) and all(arm.n >= rule.minimum for arm in arms.values()):
            alive = (best,)
    if min(arms[best].n, incumbent.n) >= rule.minimum:
        if probability_better(incumbent, arms[best]) < (1 - rule.keep) / len(arms):
            return RaceDecision("kept", best, alive)
        if arms[best].n >= rule.cap or spent >= rule.cap + rule.opening * (len(arms) - 1):
            return RaceDecision("parked", best, alive)
    return RaceDecision(None, best, alive)


def next_arm(arms: Mapping[str, Sample], incumbent: Sample, rule: RaceRule, rng: Uniform) -> str | None:
    """Arm that gets the next episode; None means the incumbent.

    The incumbent gets `control_share` of the episodes until it has `cap` of them, then a share that falls as 1/n. Of
    the rest, arms below `minimum` come first, the shortest first, so that parallel stations spread; then top-two
    Thompson sampling over the alive arms below `cap` (Russo, Operations Research 68, 2020).

    Args:
        arms: Sample of each variant.
        incumbent: Sample of the incumbent.
        rule: Thresholds and shares.
        rng: Random numbers.
    """
    share = rule.control_share * min(1.0, rule.cap / max(incumbent.n, 1))
    if rng.random() < share:
        return None
    fewest = min(arm.n for arm in arms.values()) if arms else rule.minimum
    if fewest < rule.minimum:
        shortest = [name for name, arm in arms.items() if arm.n == fewest]
        return shortest[int(rng.random() * len(shortest))]
    if incumbent.n < rule.minimum:
        return None
    open_arms = [name for name in decide(arms, incumbent, rule).alive if arms[name].n < rule.cap] if arms else []
    if not open_arms:
        return None
    if len(open_arms) == 1:
        return open_arms[0]
    leader = _thompson(open_arms, arms, incumbent, rng)
    if rng.random() < 0.5:
        return leader
    return _thompson([name for name in open_arms if name != leader], arms, incumbent, rng)


def _beaten(arm: Sample, opponent: Sample, threshold: float, minimum: int, margin: float = 0.0) -> bool:
    """Whether `arm` beats `opponent` by `margin` with less than `threshold`, both having `minimum` episodes."""
    return min(arm.n, opponent.n) >= minimum and probability_better(arm, opponent, margin) < threshold


def _thompson(names: list[str], arms: Mapping[str, Sample], incumbent: Sample, rng: Uniform) -> str:
    """Arm with the largest mean in one draw from the posteriors."""
    best, highest = names[0], -float("inf")
    for name in names:
        mean, variance = _posterior(arms[name], _pooled(arms[name], incumbent))
        # Box-Muller: a standard normal number from two uniform ones.
        normal = sqrt(-2 * log(1 - rng.random())) * cos(2 * pi * rng.random())
        draw = mean + sqrt(variance) * normal
        if draw > highest:
            best, highest = name, draw
    return best


class _Prior(NamedTuple):
    """First and second moment of one prior episode."""

    mean: float
    square: float


def _pooled(one: Sample, other: Sample) -> _Prior:
    """Moments of the outcomes of both samples together, half a success and half a failure added."""
    n = one.n + other.n + 1
    return _Prior((one.total + other.total + 0.5) / n, (one.squares + other.squares + 0.5) / n)


def _posterior(sample: Sample, prior: _Prior) -> tuple[float, float]:
    """Mean and variance of the expected utility under a prior worth `_PRIOR_EPISODES` episodes."""
    weight = sample.n + _PRIOR_EPISODES
    mean = (sample.total + _PRIOR_EPISODES * prior.mean) / weight
    second = (sample.squares + _PRIOR_EPISODES * prior.square) / weight
    return mean, max(second - mean * mean, 0.0) / (weight + 1)

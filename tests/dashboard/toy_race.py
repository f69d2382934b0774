"""A plain race rule of the scenario's own, so that its events do not change when the package's rule is tuned."""

import random
from math import erfc, sqrt
from typing import Literal, NamedTuple

KEEP, DISCARD, MINIMUM, CAP = 0.9, 0.25, 4, 40
Row = tuple[int, int, float]
"""Episodes, successes, mean utility."""


class Decision(NamedTuple):
    verdict: Literal["kept", "dropped", "parked"] | None
    best: str
    probability: float


def probability_better(arm: Row, rival: Row) -> float:
    """Normal approximation with one pseudo-success and one pseudo-failure on each side."""
    means, variance = [], 0.0
    for n, _, mean in (arm, rival):
        rate = (n * mean + 1) / (n + 2)
        means.append(rate)
        variance += rate * (1 - rate) / (n + 3)
    return 0.5 * erfc((means[1] - means[0]) / sqrt(2 * variance))


def decide(arms: dict[str, Row], rival: Row) -> Decision:
    chances = {name: probability_better(row, rival) for name, row in arms.items()}
    best = max(arms, key=lambda name: (chances[name], name))
    if min(row[0] for row in (*arms.values(), rival)) < MINIMUM:
        return Decision(None, best, chances[best])
    if chances[best] > KEEP and arms[best][0] >= 2 * MINIMUM:
        return Decision("kept", best, chances[best])
    if chances[best] < DISCARD:
        return Decision("dropped", best, chances[best])
    return Decision("parked" if arms[best][0] >= CAP else None, best, chances[best])


def next_arm(arms: dict[str, Row], rival: Row, rng: random.Random) -> str | None:
    """The arm that gets the next episode; None means the incumbent."""
    if rng.random() < 0.25:
        return None
    young = [name for name, row in arms.items() if row[0] < MINIMUM]
    return rng.choice(young) if young else decide(arms, rival).best

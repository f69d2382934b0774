"""Fixed-sample confidence intervals for a success rate.

Both are valid at a sample size fixed in advance only. To look after every episode use `one_sample`.
"""

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple


class Interval(NamedTuple):
    """Closed interval of success rates, 0 <= low <= high <= 1."""

    low: float
    high: float


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Wilson score interval: right on average over rates, for display.

    Source: Wilson, JASA 22 (1927), with coverage studied in Brown, Cai and DasGupta, Statistical Science 16 (2001).

    Args:
        successes: Number of successes, 0 to n.
        n: Number of episodes; 0 gives (0, 1).
        level: Two-sided confidence level, in (0, 1).
    """
    _check(successes, n, level)
    if n == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    rate = successes / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    # At 0 and n the formula gives 0 and 1 up to rounding.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Interval(low, high)


def clopper_pearson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Clopper-Pearson interval: covers at least `level` for every rate, for certificates.

    Source: Clopper and Pearson, Biometrika 26 (1934), as quantiles of beta distributions.

    Args:
        successes: Number of successes, 0 to n.
        n: Number of episodes; 0 gives (0, 1).
        level: Two-sided confidence level, in (0, 1). Each end alone holds at (1 + level) / 2.
    """
    _check(successes, n, level)
    from scipy.special import betaincinv  # slow to import, and races do not need it

    tail = (1 - level) / 2
    failures = n - successes
    low = 0.0 if successes == 0 else float(betaincinv(successes, failures + 1, tail))
    high = 1.0 if failures == 0 else float(betaincinv(successes + 1, failures, 1 - tail))
    return Interval(low, high)


def _check(successes: int, n: int, level: float) -> None:
    if n < 0:
        raise ValueError(f"n is {n}; the number of episodes must be 0 or more")
    if not 0 <= successes <= n:
        raise ValueError(f"successes is {successes}; it must be in [0, {n}], the number of episodes")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; a confidence level is inside (0, 1), e.g. 0.95")

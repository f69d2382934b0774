"""Claims of the form "the success rate is at least p0", valid whenever one looks.

The e-value for H0: p <= p0 is a likelihood ratio against p0, averaged over a uniform prior on (p0, 1]. Under H0 it is a
non-negative supermartingale that starts at 1, so by Ville's inequality it ever reaches 1/alpha with probability at most
alpha, however one decides to stop. Method of mixtures: Robbins, Annals of Mathematical Statistics 41 (1970).
"""

from collections.abc import Sequence
from math import exp, log, log1p

import numpy as np


def log_e_value(successes: int, failures: int, p0: float) -> float:
    """Natural logarithm of the mixture e-value against H0: p <= p0.

    With k successes, m failures and B the beta function,

        E = [integral over p in (p0, 1] of p^k (1-p)^m dp] / [(1-p0) p0^k (1-p0)^m]
          = B(k+1, m+1) I_{1-p0}(m+1, k+1) / [p0^k (1-p0)^(m+1)],

    where I is the regularised incomplete beta function. It underflows far inside the null. The substitution
    p = p0 + (1-p0) u and the binomial theorem turn the same number into a finite sum of positive terms,

        E = 1/(m+1) * sum_{j=0..k} prod_{i<j} [(1-p0)/p0 * (k-i)/(m+2+i)],

    which is summed here on the log scale. Rejecting H0 at level alpha when E >= 1/alpha is valid at any time.

    Args:
        successes: k, 0 or more.
        failures: m, 0 or more.
        p0: The rate to beat, in (0, 1).
    """
    _check_counts(successes, failures)
    _check_open("p0", p0)
    i = np.arange(successes)
    ratios = log((1 - p0) / p0) + np.log((successes - i) / (failures + 2 + i))
    terms = np.concatenate(([0.0], np.cumsum(ratios)))  # (k + 1,), log of each term of the sum
    largest = float(terms.max())
    return largest + log(float(np.exp(terms - largest).sum())) - log1p(failures)


def lower_bound(successes: int, failures: int, alpha: float) -> float:
    """Lower confidence bound for the success rate at the counts seen now.

    The largest rate that is still rejected, inf {p0 : E(p0) < 1/alpha}; E falls in p0, so there is one crossing.
    Evaluated after every episode, the bounds hold all at once with probability 1 - alpha.

    Args:
        successes: 0 or more; without a success the bound is 0.
        failures: 0 or more.
        alpha: Error probability, in (0, 1).
    """
    _check_counts(successes, failures)
    _check_open("alpha", alpha)
    if successes == 0:
        return 0.0
    needed = -log(alpha)
    # Bisection on log r, r = (1-p0)/p0. The first two terms of the sum alone reject at `high`; below `low` the sum is
    # under a geometric series that does not reach 1/alpha. The end that is rejected is returned: the safe side.
    high = log((failures + 1) * (failures + 2) / (alpha * successes))
    low = log((1 - alpha) * (failures + 2) / successes)
    while high - low > 1e-9:
        middle = (low + high) / 2
        if log_e_value(successes, failures, 1 / (1 + exp(middle))) >= needed:
            high = middle
        else:
            low = middle
    return 1 / (1 + exp(high))


def running_lower_bound(outcomes: Sequence[bool], alpha: float) -> float:
    """Best lower bound seen along the path: the maximum of `lower_bound` over all prefixes.

    Valid at the same level, because the bounds hold all at once.

    Args:
        outcomes: Success of each episode, in order.
        alpha: Error probability, in (0, 1).
    """
    _check_open("alpha", alpha)
    best, successes, failures = 0.0, 0, 0
    for index, outcome in enumerate(outcomes):
        successes, failures = successes + bool(outcome), failures + (not outcome)
        # Between failures the bound only rises, so the last success of a streak stands for all of it.
        streak_goes_on = index + 1 < len(outcomes) and outcomes[index + 1]
        if not outcome or streak_goes_on:
            continue
        if best == 0.0 or log_e_value(successes, failures, best) >= -log(alpha):
            best = max(best, lower_bound(successes, failures, alpha))
    return best


def episodes_needed(p0: float, alpha: float) -> int:
    """Smallest number of episodes, all successful, after which "p >= p0" may be claimed at level alpha.

    Args:
        p0: The rate to claim, in (0, 1).
        alpha: Error probability, in (0, 1).
    """
    _check_open("p0", p0)
    _check_open("alpha", alpha)
    few, enough = 0, 1  # `few` never suffices: without episodes E = 1 < 1/alpha
    while log_e_value(enough, 0, p0) < -log(alpha):
        few, enough = enough, 2 * enough
    while enough - few > 1:
        middle = (few + enough) // 2
        if log_e_value(middle, 0, p0) < -log(alpha):
            few = middle
        else:
            enough = middle
    return enough


def _check_counts(successes: int, failures: int) -> None:
    for name, value in (("successes", successes), ("failures", failures)):
        if value < 0:
            raise ValueError(f"{name} is {value}; a count is 0 or more")


def _check_open(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{name} is {value}; it must be inside (0, 1)")

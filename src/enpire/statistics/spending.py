"""Many looks, one error budget: false discoveries among comparisons, and levels for repeated claims."""

from collections.abc import Iterator, Sequence
from itertools import count
from math import inf, log


def e_bh(log_e_values: Sequence[float], alpha: float) -> tuple[int, ...]:
    """Hypotheses rejected by the e-BH procedure, as increasing indices.

    With the e-values sorted from the largest, e_[1] >= e_[2] >= ..., reject the k largest for the largest k with
    k e_[k] >= m / alpha. The expected share of false rejections is at most alpha, whatever the dependence between the
    e-values. Source: Wang and Ramdas, JRSS B 84 (2022).

    Args:
        log_e_values: Natural logarithm of one e-value per hypothesis; -inf and inf are allowed.
        alpha: False discovery rate, in (0, 1).
    """
    _check_level(alpha)
    if any(value != value for value in log_e_values):
        raise ValueError(f"log_e_values holds NaN: {tuple(log_e_values)}")
    order = sorted(range(len(log_e_values)), key=lambda index: log_e_values[index], reverse=True)
    rejected = 0
    for rank, index in enumerate(order, start=1):
        if log_e_values[index] >= log(len(order) / (rank * alpha)) and log_e_values[index] > -inf:
            rejected = rank
    return tuple(sorted(order[:rejected]))


def claim_level(alpha: float, attempt: int) -> float:
    """Level of a claim attempt such that all attempts of a campaign together make a false claim with P <= alpha.

    The level is alpha * 0.75 * 0.25**attempt. The levels of all attempts sum to alpha, so by the union bound over the
    attempts, each conditionally valid given the past, it does not matter why or when a further attempt is started. The
    spending is geometric with most on the first attempt: an honest campaign needs one, and with an e-value a level four
    times smaller costs only log(4) more evidence.

    Args:
        alpha: Error probability of the whole campaign, in (0, 1).
        attempt: Number of the attempt, from 0.
    """
    _check_level(alpha)
    if attempt < 0:
        raise ValueError(f"attempt is {attempt}; attempts are counted from 0")
    return float(alpha * 0.75 * 0.25**attempt)


def claim_levels(alpha: float) -> Iterator[float]:
    """`claim_level` of attempt 0, 1, 2, ... without end."""
    _check_level(alpha)
    return (claim_level(alpha, attempt) for attempt in count())


def _check_level(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; an error probability is inside (0, 1)")

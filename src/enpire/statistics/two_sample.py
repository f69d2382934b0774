"""Is B better than A? A test of two success rates that may be looked at after every episode.

Plug-in e-process for two Bernoulli streams (Turner and Gruenwald, Statistics and Probability Letters 198, 2023).
The null is H0: p_b <= p_a. Episodes are paired in order into blocks of one A and one B. With q_a, q_b smoothed
estimates from the blocks before, every block multiplies the e-process by the likelihood ratio of (q_a, q_b) to the
nearest point of the null, q = (q_a + q_b) / 2 for both. Where the estimates satisfy the null, the factor is 1: no bet.

Why this is valid: each factor is a product of a falling function of p_a and a rising one of p_b, so on the null its
expectation is largest on p_a = p_b = p, where it is a concave parabola in p with maximum 1 at q. The product is
therefore a supermartingale, and by Ville's inequality it ever reaches 1/alpha under H0 with probability alpha or less.
Rejecting H0 at the first E >= 1/alpha is valid at any time, for any stopping rule, and E may come back down afterwards.
Products over independent stations or strata are valid too.
"""

from math import log

import numpy as np
from numpy.typing import ArrayLike, NDArray

_PSEUDO = 1.0
"""Successes, and failures, added to each stream before its rate is estimated."""


def log_e_path(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Natural logarithm of the e-process against H0: p_b <= p_a after each block.

    Args:
        a: Success of each episode of A in order, 0 or 1. Shape (..., n_a).
        b: Success of each episode of B in order, 0 or 1. Shape (..., n_b).

    Returns:
        Shape (..., min(n_a, n_b)). Episodes without a partner wait for the next call.
    """
    x, y = _outcomes("a", a), _outcomes("b", b)
    blocks = min(x.shape[-1], y.shape[-1])
    x, y = x[..., :blocks], y[..., :blocks]
    rate_a, rate_b = _past_rate(x), _past_rate(y)
    null = np.where(rate_b > rate_a, (rate_a + rate_b) / 2, 0.5)
    rate_a, rate_b = np.where(rate_b > rate_a, rate_a, null), np.where(rate_b > rate_a, rate_b, null)
    factors = np.log(np.where(x, rate_a / null, (1 - rate_a) / (1 - null)))
    factors += np.log(np.where(y, rate_b / null, (1 - rate_b) / (1 - null)))
    path: NDArray[np.float64] = np.cumsum(factors, axis=-1)
    return path


def log_e_value(a: ArrayLike, b: ArrayLike) -> float:
    """Natural logarithm of the e-process now, after the last complete block; 0 without one.

    Args:
        a: Success of each episode of A in order. Shape (n_a,).
        b: Success of each episode of B in order. Shape (n_b,).
    """
    path = log_e_path(a, b)
    return float(path[-1]) if path.size else 0.0


def running_log_e_value(a: ArrayLike, b: ArrayLike) -> float:
    """Largest value the log e-process has had, at least 0, its start. H0 is rejected once it reaches log(1/alpha).

    A statement about the first time of crossing. For `spending.e_bh` use `log_e_value`: the maximum is no e-value.

    Args:
        a: Success of each episode of A in order. Shape (n_a,).
        b: Success of each episode of B in order. Shape (n_b,).
    """
    path = log_e_path(a, b)
    return max(0.0, float(path.max())) if path.size else 0.0


def first_rejection(a: ArrayLike, b: ArrayLike, alpha: float) -> int | None:
    """Number of blocks after which H0: p_b <= p_a is rejected at level alpha; None if it is not.

    Args:
        a: Success of each episode of A in order. Shape (n_a,).
        b: Success of each episode of B in order. Shape (n_b,).
        alpha: Error probability, in (0, 1).
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; an error probability is inside (0, 1)")
    crossed = np.flatnonzero(log_e_path(a, b) >= -log(alpha))
    return int(crossed[0]) + 1 if crossed.size else None


def _outcomes(name: str, values: ArrayLike) -> NDArray[np.bool_]:
    array = np.asarray(values)
    if array.size == 0:
        return np.zeros(array.shape or (0,), dtype=np.bool_)
    if array.ndim == 0:
        raise ValueError(f"{name} is {values!r}; a sequence of outcomes is needed")
    if not np.isin(array, (0, 1)).all():
        raise ValueError(f"{name} holds {array[~np.isin(array, (0, 1))].flat[0]}; outcomes are 0 or 1")
    return array.astype(np.bool_)


def _past_rate(outcomes: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Smoothed success rate of the episodes before each one. Shape as given."""
    before = np.arange(outcomes.shape[-1])
    successes: NDArray[np.int64] = np.cumsum(outcomes, axis=-1) - outcomes
    rate: NDArray[np.float64] = np.asarray((successes + _PSEUDO) / (before + 2 * _PSEUDO), dtype=np.float64)
    return rate

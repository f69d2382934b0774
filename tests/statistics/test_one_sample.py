"""The one-sample e-value, its bounds and its claims."""

from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaincc, betaln
from scipy.stats import binom
from ville import BernoulliTest

from enpire.statistics.one_sample import (
    episodes_needed,
    log_e_value,
    lower_bound,
    running_lower_bound,
)

small = st.integers(0, 60)
rates = st.floats(0.01, 0.99)


@pytest.mark.parametrize("n", range(13))
@pytest.mark.parametrize("p0", [0.05, 0.5, 0.9, 0.98])
@pytest.mark.parametrize("share", [0.2, 0.7, 0.95, 1.0])
def test_expectation_under_the_null_is_at_most_one(n: int, p0: float, share: float) -> None:
    p = p0 * share
    expectation = sum(binom.pmf(k, n, p) * exp(log_e_value(k, n - k, p0)) for k in range(n + 1))
    assert expectation <= 1 + 1e-12
    if share == 1.0:
        assert expectation == pytest.approx(1, abs=1e-12)


@given(k=small, m=small, p0=rates)
def test_no_bet_loses_or_wins_on_average_at_the_null(k: int, m: int, p0: float) -> None:
    """The martingale property, one step: from any counts the expected next value at p = p0 is the value now."""
    onward = p0 * exp(log_e_value(k + 1, m, p0)) + (1 - p0) * exp(log_e_value(k, m + 1, p0))
    assert onward == pytest.approx(exp(log_e_value(k, m, p0)), rel=1e-9)


@given(k=st.integers(0, 300), m=st.integers(0, 60), p0=st.floats(0.2, 0.95))
def test_equals_the_incomplete_beta_form(k: int, m: int, p0: float) -> None:
    tail = float(betaincc(k + 1, m + 1, p0))
    if tail > 1e-280:
        closed = betaln(k + 1, m + 1) + log(tail) - k * log(p0) - (m + 1) * np.log1p(-p0)
        assert log_e_value(k, m, p0) == pytest.approx(closed, abs=1e-8)


@given(k=small, m=small, p0=rates)
def test_the_two_sides_make_villes_two_sided_mixture(k: int, m: int, p0: float) -> None:
    """A uniform prior on (0, 1) is a mixture of ours on (p0, 1] and its mirror image on [0, p0)."""
    ours = (1 - p0) * exp(log_e_value(k, m, p0)) + p0 * exp(log_e_value(m, k, 1 - p0))
    test = BernoulliTest(p0).fit(np.repeat([1.0, 0.0], [k, m]))
    theirs = test.log_e_values_[-1] if k + m else 0.0
    assert log(ours) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize(("k", "m", "p0"), [(0, 0, 0.5), (50_000, 0, 0.99), (0, 20_000, 0.999), (9_900, 100, 0.98)])
def test_thousands_of_episodes_stay_finite(k: int, m: int, p0: float) -> None:
    assert np.isfinite(log_e_value(k, m, p0))


@given(k=st.integers(1, 200), m=small, p0=st.floats(0.02, 0.97))
def test_e_falls_in_the_claim_and_rises_with_successes(k: int, m: int, p0: float) -> None:
    assert log_e_value(k, m, p0) > log_e_value(k, m, p0 + 0.01)
    assert log_e_value(k + 1, m, p0) > log_e_value(k, m, p0) > log_e_value(k, m + 1, p0)


@settings(max_examples=50)
@given(k=st.integers(0, 400), m=small, alpha=st.floats(0.001, 0.5))
def test_lower_bound_is_the_edge_of_rejection(k: int, m: int, alpha: float) -> None:
    bound = lower_bound(k, m, alpha)
    assert 0 <= bound < 1
    assert bound <= k / max(k + m, 1)
    if k:
        assert log_e_value(k, m, bound) >= -log(alpha) - 1e-6
        assert log_e_value(k, m, bound + 1e-6 * (1 - bound)) < -log(alpha) + 1e-6


@settings(max_examples=50)
@given(k=st.integers(0, 400), m=small, alpha=st.floats(0.001, 0.4))
def test_lower_bound_is_monotone(k: int, m: int, alpha: float) -> None:
    here = lower_bound(k, m, alpha)
    assert lower_bound(k + 1, m, alpha) > here
    assert lower_bound(k, m + 1, alpha) <= here
    assert lower_bound(k, m, alpha + 0.1) >= here


@settings(max_examples=50)
@given(outcomes=st.lists(st.booleans(), max_size=60), alpha=st.floats(0.01, 0.3))
def test_running_bound_is_the_maximum_over_the_path(outcomes: list[bool], alpha: float) -> None:
    prefixes = [lower_bound(sum(outcomes[:n]), n - sum(outcomes[:n]), alpha) for n in range(len(outcomes) + 1)]
    assert running_lower_bound(outcomes, alpha) == pytest.approx(max(prefixes), abs=1e-8)


@pytest.mark.parametrize("p", [0.5, 0.9, 0.95])
def test_running_bound_is_above_the_truth_at_most_alpha_of_the_time(p: float) -> None:
    alpha, paths, episodes = 0.2, 200, 120
    outcomes = np.random.default_rng(3).random((paths, episodes)) < p
    wrong = sum(running_lower_bound(path.tolist(), alpha) > p for path in outcomes)
    # Exceeded with probability 1e-4 by a rule with error exactly alpha.
    assert wrong <= binom.ppf(1 - 1e-4, paths, alpha)


@pytest.mark.parametrize(("p0", "needed"), [(0.90, 43), (0.95, 88), (0.98, 224), (0.99, 449)])
def test_episodes_needed_without_failure(p0: float, needed: int) -> None:
    assert episodes_needed(p0, 0.05) == needed
    assert lower_bound(needed, 0, 0.05) >= p0 > lower_bound(needed - 1, 0, 0.05)


@pytest.mark.parametrize(
    "call",
    [
        lambda: log_e_value(-3, 0, 0.5),
        lambda: log_e_value(0, -3, 0.5),
        lambda: log_e_value(1, 1, -3),
        lambda: lower_bound(1, 1, -3),
        lambda: running_lower_bound([], -3),
        lambda: episodes_needed(-3, 0.05),
    ],
)
def test_bad_input_is_named(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="-3"):
        call()

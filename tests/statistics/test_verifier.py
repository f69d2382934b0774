"""Claims about the true rate behind a judge that calls some failures successes."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from enpire.core.records import VerifierErrors
from enpire.statistics import one_sample, verifier
from enpire.statistics.spending import claim_level

rates = st.floats(0, 1)
ALPHA = 0.05


def card(**counts: tuple[int, int]) -> VerifierErrors:
    return VerifierErrors(false_positives=counts)


def test_errors_of_the_judge_lower_the_rate() -> None:
    assert verifier.true_rate(0.9, 0.0) == 0.9
    assert verifier.true_rate(0.9, 0.05) == pytest.approx(0.85 / 0.95)
    assert verifier.true_rate(0.9, 0.05, 0.04) > verifier.true_rate(0.9, 0.05)
    assert verifier.true_rate(0.02, 0.05) == 0.0
    assert verifier.true_rate(0.99, 0.7, 0.3) == 0.0


@given(p=rates, fp=st.floats(0, 0.45), fn=st.floats(0, 0.45))
def test_known_errors_are_undone(p: float, fp: float, fn: float) -> None:
    reported = p * (1 - fn) + (1 - p) * fp
    assert verifier.true_rate(reported, fp, fn) == pytest.approx(p, abs=1e-9)
    assert verifier.true_rate(reported, fp) <= p + 1e-9, "what the judge misses never helps a claim"
    assert verifier.true_rate(reported, min(1.0, fp + 0.02), fn) <= p + 1e-9


@given(p0=rates, fp=st.floats(0, 0.99))
def test_the_required_rate_and_the_true_rate_are_inverse(p0: float, fp: float) -> None:
    assert verifier.true_rate(verifier.required_rate(p0, fp), fp) == pytest.approx(p0, abs=1e-9)


@given(k=st.integers(0, 80), m=st.integers(0, 10), p0=st.floats(0.05, 0.95), fp=st.floats(0, 0.5))
def test_a_claim_is_proven_when_the_corrected_bound_reaches_it(k: int, m: int, p0: float, fp: float) -> None:
    bound = verifier.true_lower_bound(k, m, ALPHA, fp)
    evidence = one_sample.log_e_value(k, m, verifier.required_rate(p0, fp)) + log(ALPHA)
    if abs(bound - p0) > 1e-6:
        assert (evidence >= 0) == (bound >= p0)


def test_figures_of_the_documentation() -> None:
    assert verifier.fp_upper(card(laid=(0, 250)), 0.005) == pytest.approx(1 - 0.005 ** (1 / 250))
    assert verifier.fp_upper(card(laid=(0, 250)), 0.025) == pytest.approx(0.0147, abs=5e-4)
    assert verifier.required_rate(0.9, verifier.fp_upper(card(laid=(0, 200)), 0.005)) == pytest.approx(0.9026, abs=1e-4)
    assert verifier.split(0.05, card()) == pytest.approx((0.045, 0.005))
    assert verifier.split(0.05, None) == (0.05, 0.0)


def test_the_worst_sort_of_failures_counts() -> None:
    both = verifier.fp_upper(card(laid=(0, 300), campaign=(10, 160)), 0.005)
    assert both == verifier.fp_upper(card(campaign=(10, 160)), 0.005) > 10 / 160
    assert verifier.fp_upper(card(), 0.005) == 1.0, "a card without failures excludes nothing"
    assert verifier.fp_upper(None, 0.0) == 0.0


@pytest.mark.parametrize(
    ("fp", "fn", "negatives"), [(0.3, 0.0, 100), (0.3, 0.0, 20_000), (0.05, 0.1, 200), (0.0, 0.0, 0)]
)
def test_false_claims_are_rare_whatever_the_judge(fp: float, fn: float, negatives: int) -> None:
    """Cards and campaigns drawn anew; the true rate is the one claimed, which is the hardest null."""
    p0, cards, paths, episodes = 0.8, 40, 100, 250
    wrong, uncorrected = 0, 0
    random = np.random.default_rng(7)
    for _ in range(cards):
        errors = card(laid=(int(random.binomial(negatives, fp)), negatives))
        left, card_alpha = verifier.split(ALPHA, errors)
        level = claim_level(left, 0) / 0.75  # a campaign that spends all on one claim
        q0 = verifier.required_rate(p0, verifier.fp_upper(errors, card_alpha))
        reported = random.random((paths, episodes)) < p0 * (1 - fn) + (1 - p0) * fp
        wins = reported.cumsum(axis=1)
        if q0 < 1:
            wrong += int((wins >= _fewest(q0, level, episodes)).any(axis=1).sum())
        uncorrected += int((wins >= _fewest(p0, level, episodes)).any(axis=1).sum())
    assert wrong <= binom.ppf(1 - 1e-4, cards * paths, ALPHA)
    if fp == 0.3:
        assert uncorrected > 3 * ALPHA * cards * paths, "without the correction this judge fools a claim"
    if negatives == 20_000:
        assert wrong > 0, "a well known judge costs little"


def _fewest(p0: float, level: float, episodes: int) -> np.ndarray:
    """Fewest successes in the first 1, 2, ... episodes that reject p <= p0; shape (episodes,)."""
    found, k = [], 0
    for n in range(1, episodes + 1):
        while k <= n and one_sample.log_e_value(k, n - k, p0) < -log(level):
            k += 1
        found.append(k)
        k = max(0, k - 1)
    return np.array(found)


def test_a_card_with_too_few_failures_says_how_many_more_it_takes() -> None:
    level, card_alpha = 0.03375, 0.005
    assert verifier.out_of_reach(0.9, level, card_alpha, card(laid=(0, 200)), 3000) == ""
    assert verifier.out_of_reach(0.9, level, 0.0, None, 3000) == ""
    line = verifier.out_of_reach(0.9, level, card_alpha, card(laid=(3, 3)), 300)
    needed = verifier.negatives_needed(0.9, level, card_alpha, 3, 300)
    assert "3 of 3 true failures (laid)" in line and f"a card with {needed} of them ({needed - 3} more)" in line
    assert "\n" not in line
    assert verifier.out_of_reach(0.9, level, card_alpha, card(laid=(3, needed)), 300) == ""
    assert verifier.out_of_reach(0.9, level, card_alpha, card(laid=(3, needed - 1)), 300) != ""
    assert verifier.out_of_reach(0.9, level, card_alpha, card(), 3000).startswith("the verifier card counts 0 of 0")


def test_a_rate_that_no_judge_could_prove_is_not_the_cards_fault() -> None:
    assert verifier.out_of_reach(0.999, 0.03, 0.005, card(laid=(0, 10)), 100) == ""


@pytest.mark.parametrize(
    "call",
    [
        lambda: verifier.required_rate(-3, 0),
        lambda: verifier.required_rate(0.5, -3),
        lambda: verifier.true_rate(-3, 0, 0),
    ],
)
def test_bad_input_is_named(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="-3"):
        call()

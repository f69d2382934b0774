"""Statistics as a security boundary: optional stopping and best-of-many do not make false claims."""

import math

import numpy as np

from enpire.statistics import one_sample, two_sample
from enpire.statistics.race import RaceRule, Sample, decide
from enpire.statistics.spending import claim_level

ALPHA = 0.05


def slack(runs, share):
    """Three standard errors."""
    return 3 * (share * (1 - share) / runs) ** 0.5


def ever_claimed(outcomes, p0, alpha):
    """Whether somebody who looks after every episode, and stops when he likes, ever gets to claim p0."""
    successes = 0
    for episodes, outcome in enumerate(outcomes, start=1):
        successes += outcome
        if outcome and one_sample.log_e_value(int(successes), int(episodes - successes), p0) >= -math.log(alpha):
            return True
    return False


def test_optional_stopping_makes_no_false_claim():
    """S1: run until it looks perfect. The true rate is just what is claimed to be exceeded."""
    rng, runs = np.random.default_rng(1), 300
    false = sum(ever_claimed(rng.random(300) < 0.9, 0.9, ALPHA) for _ in range(runs))
    assert false / runs <= ALPHA + slack(runs, ALPHA)


def test_a_perfect_window_is_not_taken_for_a_proof():
    """S1: a true-90 % policy has perfect windows of 50 within 500 episodes quite often; that alone claims nothing."""
    rng, runs, windows, claims = np.random.default_rng(2), 200, 0, 0
    for _ in range(runs):
        outcomes = rng.random(500) < 0.9
        windows += bool((np.convolve(outcomes, np.ones(50), "valid") > 49.5).any())
        claims += ever_claimed(outcomes, 0.95, ALPHA)
    assert windows / runs > 0.1
    assert claims == 0


def test_many_attempts_at_a_claim_share_one_error():
    """S1: give up and try again, as often as one likes."""
    rng, runs = np.random.default_rng(3), 200
    false = 0
    for _ in range(runs):
        false += any(ever_claimed(rng.random(100) < 0.8, 0.8, claim_level(ALPHA, attempt)) for attempt in range(6))
    assert sum(claim_level(ALPHA, attempt) for attempt in range(1000)) <= ALPHA * (1 + 1e-12)
    assert false / runs <= ALPHA + slack(runs, ALPHA)


def test_the_luckiest_of_many_is_not_claimed_by_its_own_race():
    """S2: twenty equal candidates at 0.70; the best looks like more than 0.8, and is claimed on fresh episodes only."""
    rng, runs, looks, false = np.random.default_rng(4), 200, [], 0
    for _ in range(runs):
        race = rng.random((20, 50)) < 0.7
        looks.append(race.mean(axis=1).max())
        false += ever_claimed(rng.random(150) < 0.7, 0.7, ALPHA)  # start states the selection never met
    assert np.mean(looks) > 0.79
    assert false / runs <= ALPHA + slack(runs, ALPHA)


def test_beating_the_baseline_by_looking_often():
    """S1 and S2 for comparisons: equal policies, looked at after every pair of episodes."""
    rng, runs = np.random.default_rng(5), 1000
    paths = two_sample.log_e_path(rng.random((runs, 100)) < 0.5, rng.random((runs, 100)) < 0.5)
    assert (paths.max(axis=1) >= -math.log(ALPHA)).mean() <= ALPHA + slack(runs, ALPHA)


def test_more_variants_do_not_buy_a_crown():
    """S2: the chance that an idea without effect is kept does not grow with its variants."""
    rule, rng = RaceRule(), np.random.default_rng(6)
    incumbent = Sample.of([0.5 * x for x in (0, 1) * 100])
    kept = {}
    for variants in (1, 8):
        wins = 0
        for _ in range(300):
            arms = {str(k): Sample.of((rng.random(rule.cap) < 0.5) * 0.5) for k in range(variants)}
            wins += decide(arms, incumbent, rule).verdict == "kept"
        kept[variants] = wins / 300
    assert kept[8] <= kept[1] + slack(300, max(kept[1], 0.05)) * 2

"""The race: posterior, decisions and the choice of the next arm."""

from collections import Counter
from itertools import product
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from enpire.statistics.race import RaceRule, Sample, decide, next_arm, probability_better

RULE = RaceRule()
utilities = st.lists(st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1)), max_size=45)
samples = utilities.map(Sample.of)
races = st.dictionaries(st.sampled_from("abcdefgh"), samples, min_size=1, max_size=8)


def binary(successes: int, n: int) -> Sample:
    return Sample(n, float(successes), float(successes))


@given(values=utilities)
def test_sample_is_its_values(values: list[float]) -> None:
    sample = Sample.of(values)
    assert sample.n == len(values)
    assert sample.squares == pytest.approx(sum(v * v for v in values))
    if values:
        assert sample.mean == pytest.approx(np.mean(values))
    else:
        assert np.isnan(sample.mean)


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_utilities_outside_the_unit_interval_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match=str(bad)):
        Sample().add(bad)


@given(candidate=samples, incumbent=samples)
def test_probability_is_a_probability_and_antisymmetric(candidate: Sample, incumbent: Sample) -> None:
    better = probability_better(candidate, incumbent)
    assert 0 <= better <= 1
    assert better + probability_better(incumbent, candidate) == pytest.approx(1)


@given(n=st.integers(1, 40), k=st.integers(0, 39), incumbent=samples)
def test_one_more_success_helps(n: int, k: int, incumbent: Sample) -> None:
    if k < n:
        here, above = (probability_better(binary(s, n), incumbent) for s in (k, k + 1))
        assert above >= here - 1e-12


@pytest.mark.parametrize("n", [10, 20, 40])
@pytest.mark.parametrize("share", [0.1, 0.35, 0.5, 0.8])
def test_near_the_beta_posterior_for_binary_data(n: int, share: float) -> None:
    """Against exact integration under Beta(1/2, 1/2) priors, over opponents of every strength."""
    grid = (np.arange(1_000) + 0.5) / 1_000
    ours_k = round(share * n)
    for other_k in range(0, n + 1, 3):
        density = beta.pdf(grid, other_k + 0.5, n - other_k + 0.5) / len(grid)
        exact = float(np.sum(density * beta.sf(grid, ours_k + 0.5, n - ours_k + 0.5)))
        assert probability_better(binary(ours_k, n), binary(other_k, n)) == pytest.approx(exact, abs=0.07)


@pytest.mark.parametrize("rate", [0.0, 1.0])
@pytest.mark.parametrize(("n", "m"), [(3, 3), (3, 40), (40, 3), (40, 1_000)])
def test_equal_extremes_are_not_certainty(rate: float, n: int, m: int) -> None:
    better = probability_better(binary(round(rate * n), n), binary(round(rate * m), m))
    assert 0.3 < better < 0.7


def test_no_data_is_a_coin_flip() -> None:
    assert probability_better(Sample(), Sample()) == pytest.approx(0.5)
    assert probability_better(Sample(), binary(7, 10)) == pytest.approx(0.5, abs=0.05)


def test_a_perfect_start_survives_a_strong_incumbent() -> None:
    assert probability_better(binary(3, 3), binary(196, 200)) > RULE.discard
    assert probability_better(binary(0, 3), binary(196, 200)) < RULE.discard


def test_small_variance_decides_where_binary_noise_could_not() -> None:
    low = Sample.of([0.60, 0.61, 0.59, 0.60] * 5)
    high = Sample.of([0.70, 0.71, 0.69, 0.70] * 5)
    assert probability_better(high, low) > 0.9
    assert probability_better(binary(14, 20), binary(12, 20)) < 0.85


@given(race=races, incumbent=samples, names=st.permutations("stuvwxyz"))
def test_decisions_do_not_depend_on_names(race: dict[str, Sample], incumbent: Sample, names: list[str]) -> None:
    renamed = dict(zip(names, race.values(), strict=False))
    back = dict(zip(renamed, race, strict=True))
    here, there = decide(race, incumbent, RULE), decide(renamed, incumbent, RULE)
    assert here.verdict == there.verdict
    assert here.best == (back[there.best] if there.best else None)
    assert here.alive == tuple(back[name] for name in there.alive)
    chosen = next_arm(renamed, incumbent, RULE, Random(5))
    assert next_arm(race, incumbent, RULE, Random(5)) == (back[chosen] if chosen else None)


@given(race=races, incumbent=samples)
def test_decisions_are_consistent(race: dict[str, Sample], incumbent: Sample) -> None:
    verdict, best, alive = decide(race, incumbent, RULE)
    assert set(alive) <= set(race)
    assert (best is None) == (alive == ()) == (verdict == "dropped")
    assert best is None or best in alive
    if verdict == "kept":
        assert best is not None
        assert race[best].n >= RULE.minimum
        assert incumbent.n >= RULE.minimum
        assert probability_better(incumbent, race[best]) < (1 - RULE.keep) / len(race)
    if verdict == "parked":
        spent = sum(arm.n for arm in race.values())
        assert best is not None
        assert race[best].n >= RULE.cap or spent >= RULE.cap + RULE.opening * (len(race) - 1)
    short = [name for name, arm in race.items() if arm.n < RULE.minimum]
    assert set(short) <= set(alive)


@pytest.mark.parametrize("incumbent", [Sample(), binary(0, 2), binary(2, 2)])
def test_nothing_is_decided_on_an_unmeasured_incumbent(incumbent: Sample) -> None:
    for candidate in (binary(0, 40), binary(40, 40)):
        assert decide({"a": candidate}, incumbent, RULE).verdict is None
        assert next_arm({"a": candidate}, incumbent, RULE, Random(0)) is None


def test_clear_cases() -> None:
    incumbent = binary(10, 20)
    assert decide({"a": binary(0, 6)}, incumbent, RULE).verdict == "dropped"
    assert decide({"a": binary(9, 9)}, incumbent, RULE) == ("kept", "a", ("a",))
    assert decide({"a": binary(23, 40)}, incumbent, RULE).verdict == "parked"
    assert decide({"a": binary(5, 10)}, incumbent, RULE).verdict is None
    assert decide({"a": binary(40, 40)}, binary(40, 40), RULE).verdict == "parked"
    assert decide({"a": binary(0, 40)}, binary(0, 40), RULE).verdict == "dropped"


def test_the_winner_of_many_needs_more_evidence_than_a_lone_candidate() -> None:
    incumbent = binary(6, 20)
    others = {name: binary(1, 3) for name in "bcdefgh"}
    assert decide({"a": binary(6, 8)}, incumbent, RULE).verdict == "kept"
    assert decide({"a": binary(6, 8), **others}, incumbent, RULE).verdict is None
    assert decide({"a": binary(15, 16), **others}, incumbent, RULE)[:2] == ("kept", "a")


def test_the_luckiest_of_eight_equal_variants_is_not_kept_more_often() -> None:
    kept = {
        k: sum(run_race(dict.fromkeys("abcdefgh"[:k], 0.5), 0.5, Random(s))[0] == "kept" for s in range(100))
        for k in (1, 8)
    }
    # Equal shares would exceed this difference with probability below 0.005.
    assert kept[8] <= kept[1] + 2.6 * (2 * 100 * 0.35 * 0.65) ** 0.5


def test_variants_far_behind_the_best_are_eliminated() -> None:
    arms = {"a": binary(9, 10), "b": binary(5, 10), "c": binary(1, 2)}
    assert decide(arms, binary(9, 20), RULE).alive == ("a", "c")


def test_after_the_opening_only_the_best_goes_on() -> None:
    arms = {"a": binary(5, 9), "b": binary(4, 9), "c": binary(4, 9)}
    patient = RaceRule(opening=10)
    assert decide(arms, binary(9, 20), patient).alive == ("a", "b", "c")
    assert decide(arms, binary(9, 20), RULE).alive == ("a",)


def test_a_race_costs_a_bounded_number_of_episodes() -> None:
    arms = {"a": binary(14, 28), "b": binary(12, 24)}
    spent = RULE.cap + RULE.opening
    assert decide(arms, binary(10, 20), RULE).verdict == ("parked" if spent <= 28 + 24 else None)
    assert decide(dict.fromkeys("abcdefgh", binary(6, 12)), binary(10, 20), RULE).verdict == "parked"


def test_a_race_needs_arms() -> None:
    with pytest.raises(ValueError, match="empty"):
        decide({}, Sample(), RULE)
    assert next_arm({}, Sample(), RULE, Random(0)) is None


@pytest.mark.parametrize(
    "settings_",
    [{"keep": 0.2}, {"discard": -0.1}, {"keep": 1.2}, {"minimum": 0}, {"minimum": 50}, {"control_share": 0.0}],
)
def test_senseless_rules_are_refused(settings_: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(settings_.values())))):
        RaceRule(**settings_)  # type: ignore[arg-type]


@given(race=races, incumbent=samples, seed=st.integers(0, 999))
def test_next_arm_is_open_and_repeatable(race: dict[str, Sample], incumbent: Sample, seed: int) -> None:
    chosen = next_arm(race, incumbent, RULE, Random(seed))
    assert chosen == next_arm(race, incumbent, RULE, Random(seed))
    if chosen is not None:
        assert race[chosen].n < RULE.cap
        assert chosen in decide(race, incumbent, RULE).alive
        fewest = min(arm.n for arm in race.values())
        assert race[chosen].n == fewest or fewest >= RULE.minimum


def test_numpy_generators_fit() -> None:
    chosen = {next_arm({"a": binary(2, 4)}, binary(3, 9), RULE, np.random.default_rng(seed)) for seed in range(40)}
    assert chosen == {"a", None}


def test_control_share() -> None:
    arms = {"a": binary(2, 4), "b": binary(3, 5)}
    share = {
        n: Counter(next_arm(arms, binary(n // 2, n), RULE, Random(s)) for s in range(4_000))[None] for n in (10, 80)
    }
    assert share[10] / 4_000 == pytest.approx(0.25, abs=0.03)  # 4 standard deviations
    assert share[80] / 4_000 == pytest.approx(0.125, abs=0.022)


def test_promising_arms_get_more_episodes() -> None:
    arms = {"weak": binary(3, 8), "middling": binary(5, 8), "strong": binary(7, 8)}
    drawn = Counter(
        next_arm(arms, binary(5, 20), RaceRule(keep=0.9999, discard=0.1, opening=9), Random(s)) for s in range(2_000)
    )
    assert drawn["strong"] > 1.5 * drawn["weak"] > 0


def run_race(rates: dict[str, float], incumbent_rate: float, rng: Random) -> tuple[str, str | None]:
    arms, incumbent = dict.fromkeys(rates, Sample()), Sample()
    while True:
        name = next_arm(arms, incumbent, RULE, rng)
        rate = incumbent_rate if name is None else rates[name]
        outcome = float(rng.random() < rate)
        if name is None:
            incumbent = incumbent.add(outcome)
        else:
            arms[name] = arms[name].add(outcome)
        decision = decide(arms, incumbent, RULE)
        if decision.verdict is not None:
            return decision.verdict, decision.best


@settings(max_examples=30, deadline=None)
@given(
    rates=st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=8),
    incumbent_rate=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 999),
)
def test_every_race_ends(rates: dict[str, float], incumbent_rate: float, seed: int) -> None:
    verdict, _ = run_race(rates, incumbent_rate, Random(seed))
    assert verdict != "kept" or max(rates.values()) > 0


def test_races_mostly_keep_the_better_and_drop_the_worse() -> None:
    better = Counter(run_race({"a": 0.8}, 0.4, Random(s))[0] for s in range(200))
    worse = Counter(run_race({"a": 0.2}, 0.6, Random(s))[0] for s in range(200))
    assert better["kept"] > 120
    assert worse["kept"] < 20


def test_progress_is_worth_more_than_success_alone() -> None:
    """With partial credit of low noise the better arm is found in fewer episodes."""
    rng = Random(1)
    wins = Counter[str]()
    for _, kind in product(range(100), ("binary", "progress")):
        spread = 0.05 if kind == "progress" else None
        draw = (
            (lambda m: float(rng.random() < m))
            if spread is None
            else (lambda m: min(1.0, max(0.0, rng.gauss(m, 0.05))))
        )
        a, b = Sample.of(draw(0.65) for _ in range(12)), Sample.of(draw(0.5) for _ in range(12))
        wins[kind] += probability_better(a, b) > RULE.keep
    assert wins["progress"] > wins["binary"]

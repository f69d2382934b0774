"""The two-sample e-process."""

from itertools import product
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from enpire.statistics.two_sample import first_rejection, log_e_path, log_e_value, running_log_e_value

streams = st.lists(st.booleans(), max_size=40)


def expectation(n: int, p_a: float, p_b: float) -> float:
    """Exact expectation of the e-value after n blocks, over all 4**n outcomes."""
    paths = np.array(list(product([0, 1], repeat=n)))  # (2**n, n)
    a, b = np.repeat(paths, len(paths), axis=0), np.tile(paths, (len(paths), 1))
    weight_a = np.prod(np.where(a, p_a, 1 - p_a), axis=1)
    weight_b = np.prod(np.where(b, p_b, 1 - p_b), axis=1)
    return float(np.sum(weight_a * weight_b * np.exp(log_e_path(a, b)[:, -1])))


@pytest.mark.parametrize("n", [1, 2, 4, 6])
@pytest.mark.parametrize("p_a", [0.02, 0.3, 0.5, 0.8, 0.98])
@pytest.mark.parametrize("share", [0.3, 0.9, 1.0])
def test_expectation_under_the_null_is_at_most_one(n: int, p_a: float, share: float) -> None:
    assert expectation(n, p_a, p_a * share) <= 1 + 1e-12


def test_expectation_under_the_alternative_is_above_one() -> None:
    assert expectation(6, 0.3, 0.9) > 1.5


@given(a=streams, b=streams, p=st.floats(0.01, 0.99), share=st.floats(0, 1))
def test_one_more_block_gains_nothing_on_average_under_the_null(
    a: list[bool], b: list[bool], p: float, share: float
) -> None:
    """Supermartingale from any history, so no stopping rule helps."""
    blocks = min(len(a), len(b))
    a, b = a[:blocks], b[:blocks]
    p_a, p_b = p, p * share
    onward = sum(
        (p_a if x else 1 - p_a) * (p_b if y else 1 - p_b) * exp(log_e_value([*a, x], [*b, y]))
        for x, y in product([True, False], repeat=2)
    )
    assert onward <= exp(log_e_value(a, b)) * (1 + 1e-9)


@given(a=streams, b=streams)
def test_the_remainder_waits(a: list[bool], b: list[bool]) -> None:
    blocks = min(len(a), len(b))
    assert log_e_value(a, b) == log_e_value(a[:blocks], b[:blocks])
    assert len(log_e_path(a, b)) == blocks


@given(a=streams, b=streams)
def test_running_maximum_and_first_rejection_agree(a: list[bool], b: list[bool]) -> None:
    prefixes = [log_e_value(a[:n], b[:n]) for n in range(min(len(a), len(b)) + 1)]
    assert running_log_e_value(a, b) == pytest.approx(max(prefixes))
    first = first_rejection(a, b, 0.2)
    assert first == next((n for n, value in enumerate(prefixes) if value >= log(5)), None)


@given(a=streams, b=streams)
def test_exchanging_names_and_outcomes_changes_nothing(a: list[bool], b: list[bool]) -> None:
    """B beats A in successes exactly when A beats B in failures."""
    assert log_e_value(a, b) == pytest.approx(log_e_value([not y for y in b], [not x for x in a]))


def test_degenerate_streams() -> None:
    assert log_e_value([], []) == 0.0
    assert running_log_e_value([True], []) == 0.0
    assert log_e_value([True] * 500, [True] * 500) == pytest.approx(0.0)
    assert log_e_value([False] * 40, [True] * 40) > log(20)
    assert log_e_value([True] * 40, [False] * 40) == pytest.approx(0.0)
    assert first_rejection([False] * 2_000, [False] * 2_000, 0.05) is None


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_type_one_error_with_a_look_after_every_block(p: float) -> None:
    alpha, paths, blocks = 0.2, 3_000, 200
    generator = np.random.default_rng(11)
    path = log_e_path(generator.random((paths, blocks)) < p, generator.random((paths, blocks)) < p)
    rejected = int(np.sum(path.max(axis=1) >= -log(alpha)))
    # Exceeded with probability 1e-4 by a rule with error exactly alpha.
    assert rejected <= binom.ppf(1 - 1e-4, paths, alpha)


def test_power_against_a_large_gap() -> None:
    paths, blocks = 1_000, 200
    generator = np.random.default_rng(12)
    path = log_e_path(generator.random((paths, blocks)) < 0.3, generator.random((paths, blocks)) < 0.6)
    found = int(np.sum(path.max(axis=1) >= log(20)))
    # Fallen short of with probability 1e-4 by a test with power exactly 0.98.
    assert found >= binom.ppf(1e-4, paths, 0.98)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="a holds 3"):
        log_e_value([0, 3], [0, 1])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="sequence"):
        log_e_value(True, [True])
    with pytest.raises(ValueError, match=r"1\.5"):
        first_rejection([True], [True], 1.5)

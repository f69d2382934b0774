"""Fixed-sample intervals against scipy and their own properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from enpire.statistics.intervals import Interval, clopper_pearson, wilson

METHODS = {"wilson": wilson, "exact": clopper_pearson}
counts = st.integers(1, 2_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.floats(0.01, 0.999)


@pytest.mark.parametrize("method", METHODS)
@given(counts=counts, level=levels)
def test_contains_the_rate_and_stays_in_range(method: str, counts: tuple[int, int], level: float) -> None:
    successes, n = counts
    low, high = METHODS[method](successes, n, level)
    assert 0 <= low <= successes / n <= high <= 1


@pytest.mark.parametrize("method", METHODS)
@given(counts=counts, level=levels)
def test_rises_with_successes(method: str, counts: tuple[int, int], level: float) -> None:
    successes, n = counts
    if successes < n:
        here, above = METHODS[method](successes, n, level), METHODS[method](successes + 1, n, level)
        assert here.low < above.low
        assert here.high < above.high or above.high == 1


@pytest.mark.parametrize("method", METHODS)
@given(counts=counts, level=st.floats(0.05, 0.99))
def test_agrees_with_scipy(method: str, counts: tuple[int, int], level: float) -> None:
    theirs = binomtest(*counts).proportion_ci(confidence_level=level, method=method)  # type: ignore[arg-type]
    assert METHODS[method](*counts, level) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.5, 0.9, 0.99])
def test_clopper_pearson_covers_exactly(rate: float) -> None:
    n = 30
    missed = sum(
        binom.pmf(k, n, rate)
        for k in range(n + 1)
        if not clopper_pearson(k, n).low <= rate <= clopper_pearson(k, n).high
    )
    assert missed <= 0.05


@pytest.mark.parametrize("method", METHODS)
def test_no_episodes_say_nothing(method: str) -> None:
    assert METHODS[method](0, 0) == Interval(0.0, 1.0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("bad", "named"), [((3, 2, 0.95), "3"), ((-1, 2, 0.95), "-1"), ((0, -4, 0.95), "-4"), ((1, 2, 95.0), "95")]
)
def test_bad_input_is_named(method: str, bad: tuple[int, int, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        METHODS[method](*bad)

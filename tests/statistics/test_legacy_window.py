"""The sliding window of the paper."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.statistics.legacy import certifies, perfect_window
from enpire.statistics.one_sample import lower_bound


@given(outcomes=st.lists(st.booleans(), max_size=80), window=st.integers(1, 6))
def test_first_perfect_window(outcomes: list[bool], window: int) -> None:
    ends = [end for end in range(window - 1, len(outcomes)) if all(outcomes[end - window + 1 : end + 1])]
    assert perfect_window(outcomes, window) == (ends[0] if ends else None)


def test_fifty_in_a_row() -> None:
    assert perfect_window([True] * 50) == 49
    assert perfect_window([True] * 49 + [False] + [True] * 49) is None
    assert certifies() == pytest.approx(0.942, abs=5e-4)
    assert certifies(59) == pytest.approx(0.95, abs=1e-3)


@given(window=st.integers(1, 500), alpha=st.floats(0.001, 0.5))
def test_certificate_is_the_edge_of_a_fixed_test_and_above_the_anytime_bound(window: int, alpha: float) -> None:
    rate = certifies(window, alpha)
    assert rate**window == pytest.approx(alpha)
    assert lower_bound(window, 0, alpha) <= rate


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="0"):
        perfect_window([True], 0)
    with pytest.raises(ValueError, match="-2"):
        certifies(-2)
    with pytest.raises(ValueError, match="9"):
        certifies(50, 9)

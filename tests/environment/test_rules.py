import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enpire.core.errors import BadInput
from enpire.environment.rules import ProgressRule, SuccessRule, parse_progress, parse_success

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("info.is_success", SuccessRule(source="info.is_success")),
        ("terminated", SuccessRule(source="terminated")),
        ("  return>=475 ", SuccessRule(source="return", sign=">=", bound=475.0)),
        ("info.x > 0.5", SuccessRule(source="info.x", sign=">", bound=0.5)),
        ("info.arm.gap_m < 1e-3", SuccessRule(source="info.arm.gap_m", sign="<", bound=1e-3)),
        ("info.eval/dist <= .2", SuccessRule(source="info.eval/dist", sign="<=", bound=0.2)),
        ("reward > -0.1 for 20 steps", SuccessRule(source="reward", sign=">", bound=-0.1, dwell=20)),
        ("return >= -300 at end", SuccessRule(source="return", sign=">=", bound=-300.0, when="at end")),
        ("info.ok for 1 step", SuccessRule(source="info.ok")),
        ("observation.z_m > 0.1", SuccessRule(source="observation.z_m", sign=">", bound=0.1)),
    ],
)
def test_success_sentences(text, rule):
    assert parse_success(text) == rule


@pytest.mark.parametrize(
    "text",
    [
        *("", "success", "info.", "info.x == 1", "return", "steps", "return >= ", "return >= nan"),
        *("info.x > 1 for -3 steps", "info.x > 1 for 0 steps", "info.x > 1 at the end", "info.x > 1; info.y"),
        *("info.a and info.b", "__import__('os')"),
    ],
)
def test_bad_success_sentences_are_quoted_with_the_valid_forms(text):
    with pytest.raises(BadInput) as caught:
        parse_success(text)
    assert repr(text) in str(caught.value)
    assert "return >= 475" in str(caught.value) or "at least 1" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("info.coverage", ProgressRule(source="info.coverage")),
        ("return / 500", ProgressRule(source="return", high=500.0)),
        ("return / -200", ProgressRule(source="return", high=-200.0)),
        ("info.gap_m from 0.2 to 0", ProgressRule(source="info.gap_m", low=0.2, high=0.0)),
        ("reward from -1.5e3 to 0", ProgressRule(source="reward", low=-1500.0, high=0.0)),
    ],
)
def test_progress_sentences(text, rule):
    assert parse_progress(text) == rule


@pytest.mark.parametrize("text", ["", "terminated", "return / 0", "steps from 3 to 3", "return * 2", "1 - info.x"])
def test_bad_progress_sentences(text):
    with pytest.raises(BadInput, match="valid"):
        parse_progress(text)


@given(value=st.floats(), low=NUMBERS, width=st.floats(1e-3, 1e3), falling=st.booleans())
def test_progress_is_always_a_share(value, low, width, falling):
    ends = (low + width, low) if falling else (low, low + width)
    if ends[0] == ends[1]:
        return
    rule = ProgressRule(source="reward", low=ends[0], high=ends[1])
    assert 0.0 <= rule.share(value) <= 1.0
    assert (rule.share(ends[0]), rule.share(ends[1])) == (0.0, 1.0)
    assert rule.share(math.nan) == 0.0


@given(value=NUMBERS, bound=NUMBERS)
def test_thresholds(value, bound):
    holds = {sign: SuccessRule(source="reward", sign=sign, bound=bound).holds(value) for sign in (">", ">=", "<", "<=")}
    assert holds == {">": value > bound, ">=": value >= bound, "<": value < bound, "<=": value <= bound}


def test_a_number_that_is_not_there_cannot_be_judged():
    assert SuccessRule(source="info.x").holds(math.nan) is None
    assert SuccessRule(source="info.x").holds(0.0) is False
    assert SuccessRule(source="info.x").holds(1.0) is True

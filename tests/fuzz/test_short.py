"""The first cases of each target; `python -m benchmarks.fuzz.run` goes on from there."""

import pytest

from tests.fuzz.targets import TARGETS, fuzz

CASES = {"lines": 4000, "worker frames": 3000, "certificates": 1500, "ledger pages": 400, "exported claims": 150}
NEEDED = {
    "lines": {"all read", "hung up"},
    "worker frames": {"played", "protocol", "nonfinite", "deadline", "no answer yet", "station's fault", "load"},
    "certificates": {"not a certificate", "does not hold"},
    "ledger pages": {"refused", "whole", "earlier state with its own anchor"},
    "exported claims": {"refused", "says the same"},
}


def test_the_shares_are_whole():
    assert sum(share for _, share in TARGETS.values()) == pytest.approx(1.0)
    assert set(TARGETS) == set(CASES) == set(NEEDED)


@pytest.mark.parametrize("name", TARGETS)
def test_no_crash_and_nothing_false_is_accepted(name):
    found = fuzz(name, range(CASES[name]), seed=0)
    assert found.failures == []
    assert NEEDED[name] <= set(found.outcomes), found.outcomes  # the cases reach what they are about


@pytest.mark.parametrize("name", TARGETS)
def test_a_case_can_be_repeated(name):
    first, second = (fuzz(name, range(30), seed=3) for _ in range(2))
    assert first.outcomes == second.outcomes

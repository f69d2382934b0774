"""What `enpire run` says at the end about claims behind a judge that errs."""

from dataclasses import replace

import pytest

from enpire.cli.run import claims_lines
from enpire.core.records import VerifierErrors
from enpire.evolution import selection
from enpire.ledger.state import State
from tests.ledger.make import Tape


def campaign(**verifier):
    tape = Tape(State(), target=0.9)
    tape.state.spec = replace(tape.state.spec, **verifier)
    return tape


def test_a_refused_claim_is_one_line():
    tape = campaign(verifier=VerifierErrors(false_positives={}))
    (line,) = claims_lines(tape.state)
    assert line.startswith("none were tried: the verifier card counts 0 of 0") and "\n" not in line


@pytest.mark.parametrize("doubt", ["", "the judge changed"])
def test_a_claim_says_what_the_judge_saw_and_what_is_true(doubt):
    tape = campaign(verifier=VerifierErrors(false_positives={"laid": (0, 200)}, doubt=doubt))
    tape.play("filler", "c0", "filler", [True] * 40)
    tape.add(*selection.settle(tape.state, selection.Rules()))
    tape.play("claim-1", "c0", "claim", [True] * 20)
    line, *more = claims_lines(tape.state)
    assert "the judge saw 20/20 and had to prove 0.9026, as it may call 2.7 % of failures successes" in line
    assert more == ([f"in doubt: {doubt}"] if doubt else [])


def test_a_judge_that_needs_no_card_needs_no_line():
    tape = campaign()
    tape.play("filler", "c0", "filler", [True] * 40)
    tape.add(*selection.settle(tape.state, selection.Rules()))
    assert selection.not_claimable(tape.state, 0.9) == "" and claims_lines(tape.state) == []

"""Verifier cards as files: read, written, compared with the judge as it is now."""

from dataclasses import replace

import pytest

from enpire.core.errors import BadInput
from enpire.environment import verifier_card
from enpire.environment.verifier_card import CaseKind, VerifierCard

JUDGE = "environment/verifier_card.py"
CARD = VerifierCard(
    task="toy",
    command='python card.py "toy"',
    options={"level": 2.0, "tracker": 0.0},
    stations=3,
    look_ms=(12.0, 14.5),
    judge=verifier_card.hashes([JUDGE]),
    kinds=(
        CaseKind(name="near", source="laid", hard=True, true_positive=90, false_negative=8, unsure_positive=2,
                 true_negative=195, false_positive=1, unsure_negative=4),
        CaseKind(name="far", source="laid", hard=False, true_negative=1000),
        CaseKind(name="failed closely", source="campaign", hard=True, true_negative=50),
        CaseKind(name="all other episodes", source="campaign", hard=False, true_positive=300, true_negative=500),
    ),
)  # fmt: skip


def test_a_card_survives_its_file(tmp_path):
    path = tmp_path / "toy.toml"
    path.write_text(verifier_card.dump(CARD))
    found = verifier_card.read(path)
    assert [k.true_positive for k in found.kinds] == [90, 0, 0, 300]
    assert verifier_card.dump(found) == verifier_card.dump(CARD)
    assert found.errors({}) == CARD.errors({})


def test_rates_count_what_could_not_be_told_against_the_judge():
    assert CARD.precision[:2] == (390, 391)
    assert CARD.recall[:2] == (390, 400)
    assert CARD.missed[:2] == (10, 400)
    assert CARD.missed.interval.low < 10 / 400 < CARD.missed.interval.high


def test_claims_use_the_hard_failures_only_and_keep_sources_apart():
    assert CARD.errors({}).false_positives == {"laid": (1, 200), "campaign": (0, 50)}
    easy = replace(CARD, kinds=tuple(replace(kind, hard=False) for kind in CARD.kinds))
    assert easy.errors({}).false_positives == {}


def test_a_changed_judge_makes_the_card_stale():
    assert CARD.doubt({}) == "" and CARD.changed() == []
    changed = replace(CARD, judge=CARD.judge | {JUDGE: "0" * 64})
    assert changed.changed() == [JUDGE]
    assert changed.errors({}).doubt == f"the verifier card is stale: it was measured before {JUDGE} changed"
    gone = replace(changed, judge=changed.judge | {"tools/nothing.py": "0" * 64})
    assert "and 1 more changed" in gone.doubt({})


@pytest.mark.parametrize(
    ("options", "fits"),
    [
        ({}, True),
        ({"level": 1.0}, True),
        ({"level": 2.0, "pace": 1.0}, True),
        ({"level": 3.0}, False),
        ({"tracker": 1.0}, False),
    ],
)
def test_a_card_says_under_which_options_it_holds(options, fits):
    assert (CARD.doubt(options) == "") == fits


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t.replace("stations = 3", ""),
        lambda t: t.replace("stations = 3", 'stations = "three"'),
        lambda t: "surprise = 1\n" + t,
        lambda t: t.replace("true_positive = 90", "true_positive = -90"),
        lambda t: t.replace('source = "laid"', 'source = "dreamt"'),
        lambda t: t + "[[[",
    ],
)
def test_what_is_no_card_is_refused(spoil):
    with pytest.raises(BadInput, match=r"toy\.toml"):
        verifier_card.parse(spoil(verifier_card.dump(CARD)).encode(), "toy.toml")


def test_a_missing_card_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"nothing\.toml"):
        verifier_card.read(tmp_path / "nothing.toml")

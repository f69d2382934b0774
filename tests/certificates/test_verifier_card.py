"""A claim about a task whose judge errs: corrected by the frozen card, and recomputed by whoever checks it."""

from dataclasses import replace

import pytest

from enpire import certificates
from enpire.certificates import check_bundle, record, signing
from enpire.core.records import decode, encode
from enpire.environment import freeze, verifier_card
from enpire.statistics import verifier
from tests.certificates.made import ALPHA, P0, make, rezip, unzip

TASK = "tests.certificates.judged_toy:CardTask"
ERRORS = {"laid": (0, 1000), "campaign": (1, 1000)}


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    return make(tmp_path_factory.mktemp("card") / "campaign", task=TASK)


@pytest.fixture(scope="module")
def members(judged, tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "claim.zip"
    certificates.export(judged.folder, judged.state, judged.hub, judged.study(), path)
    return unzip(path)


def test_the_certificate_states_both_rates(judged):
    assert judged.verify() == []
    (found,) = certificates.write_all(judged.folder, judged.state, judged.hub)
    assert found.verifier.false_positives == ERRORS and found.verifier.doubt == ""
    assert found.fp_upper == verifier.fp_upper(found.verifier, found.card_alpha) > 0.005
    assert found.q0 == pytest.approx(P0 + (1 - P0) * found.fp_upper)
    assert found.true_lower_bound == pytest.approx(verifier.true_rate(found.lower_bound, found.fp_upper))
    assert found.true_lower_bound < found.lower_bound
    assert f"alpha = {ALPHA:.4g}" in found.statement and "calls at most 0.8 % of failures successes" in found.statement


def test_whoever_has_the_file_recomputes_the_correction_from_the_frozen_card(members, judged):
    assert verifier_card.FILE in members
    checked = check_bundle(rezip(members), key=judged.key)
    assert checked.problems == []
    assert checked.manifest.judge[verifier_card.NAME]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda m: m | {verifier_card.FILE: m[verifier_card.FILE] + b"\n"}, "not the verifier card that was frozen"),
        (lambda m: {k: v for k, v in m.items() if k != verifier_card.FILE}, "is missing"),
    ],
)
def test_another_card_is_refused(members, judged, spoil, said):
    problems = check_bundle(rezip(spoil(members)), key=judged.key).problems
    assert any(said in problem for problem in problems)


def forged(members, counts):
    """Other counts in the certificate and in the specification, every number made to fit, signed by the forger."""
    exported = decode(members["claim.json"], certificates.bundle.Exported)
    errors = None if counts is None else replace(exported.spec.verifier, false_positives=counts)
    spec = replace(exported.spec, verifier=errors)
    found = record.from_file(members["certificate.json"], "")
    card_alpha = found.card_alpha if errors else 0.0
    bound = verifier.fp_upper(errors, card_alpha)
    q0 = verifier.required_rate(found.p0, bound)
    n, k = found.episodes, found.successes
    found = replace(
        found,
        verifier=errors,
        card_alpha=card_alpha,
        fp_upper=bound,
        q0=q0,
        log_e=record.one_sample.log_e_value(k, n - k, q0),
        true_lower_bound=verifier.true_lower_bound(k, n - k, found.alpha, bound),
        certified=True,
        spec=record.sha256(encode(spec)),
    )
    found = signing.sign(replace(found, statement=record.statement(found)), b"the key of somebody else, 32 byte")
    return members | {
        "claim.json": encode(replace(exported, spec=spec)),
        "certificate.json": record.to_file(found),
    }


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"laid": (0, 100_000), "campaign": (0, 100_000)}, "gives other counts"),
        (None, "not corrected for the judge's errors"),
    ],
)
def test_a_judge_that_is_made_better_than_its_card_is_noticed(members, counts, said):
    problems = check_bundle(rezip(forged(members, counts))).problems
    assert len(problems) == 1 and said in problems[0]


def test_a_ledger_that_tested_another_rate_is_noticed(judged):
    study = judged.study()
    fresh = certificates.issue(judged.folder, judged.state, judged.hub, study)
    opened = study.opened
    study.opened = type(opened)(**{name: getattr(opened, name) for name in opened.__struct_fields__} | {"q0": P0})
    assert any("by the verifier card it must be" in p for p in certificates.issuing._check_answer(fresh, study))


def test_the_card_is_frozen_with_the_task(judged):
    frozen = freeze.read(judged.folder.root)
    assert frozen.judge[verifier_card.NAME]
    assert judged.state.spec.verifier.false_positives == ERRORS

"""Certificates in the folder of their campaign: whatever is changed is noticed."""

import shutil
from dataclasses import fields, replace

import pytest

from enpire import certificates
from enpire.certificates import record, signing
from enpire.certificates.record import Certificate
from enpire.core import seeds
from enpire.core.clock import SystemClock
from enpire.core.errors import Damaged
from enpire.core.files import sha256
from enpire.core.records import MOST_TRIES, Ticket, VerifierErrors, decode, encode
from enpire.ledger import events as e
from enpire.ledger.log import Ledger
from enpire.rollout.recorder import ARRAYS, RECORD, pack, read_arrays
from enpire.tasks import open_task
from tests.certificates.made import EPISODES, TOY, Player, make, play


@pytest.fixture
def copy(made, tmp_path):
    """A copy of the campaign at another place, to be tampered with."""
    shutil.copytree(made.folder.root, tmp_path / "elsewhere" / "campaign")
    return made.at(tmp_path / "elsewhere" / "campaign")


def file_of(made):
    return made.folder.root / "certificates" / "claim-1.json"


def other(value):
    """Another value of the same type."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case None:
            return VerifierErrors(false_positives={"laid": (0, 100)})
        case float():
            return value * 0.99 if value else 0.25
        case str():
            digit = value[0].translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
            return (digit if digit != value[0] else "x") + value[1:]
        case tuple():
            return (other(value[0]), *value[1:])
        case dict():
            name = next(iter(value))
            return {**value, name: other(value[name])}


def test_a_claim_verifies_where_it_was_made_and_elsewhere(made, copy):
    task = open_task(TOY)
    assert made.verify(task) == []
    assert copy.verify(task) == []
    task.close()


def test_the_certificate_says_what_happened(made):
    found = record.read_file(file_of(made))
    assert (found.episodes, found.successes, found.invalid) == (EPISODES - 1, EPISODES - 2, 1)
    assert found.certified and found.lower_bound > 0.5
    assert found.public_key == made.key and signing.signature_holds(found)
    assert certificates.check_certificate(found, made.key) == []
    assert not found.repeatable
    assert list(found.records) == sorted(found.records)


def test_issuing_again_changes_nothing(copy):
    before = file_of(copy).read_bytes()
    certificates.write_all(copy.folder, copy.state, copy.hub)
    assert file_of(copy).read_bytes() == before


@pytest.mark.parametrize("name", [field.name for field in fields(Certificate)])
def test_every_changed_field_is_noticed(copy, name):
    found = record.read_file(file_of(copy))
    changed = replace(found, **{name: other(getattr(found, name))})
    assert changed != found
    file_of(copy).write_bytes(record.to_file(changed))
    assert copy.verify() != []
    assert not signing.signature_holds(changed)
    assert certificates.check_certificate(changed, None) != []


SIGNED = [f.name for f in fields(Certificate) if f.name not in ("code", "public_key", "signature")]


@pytest.mark.parametrize("name", SIGNED)
def test_a_changed_field_that_was_signed_again_with_the_campaigns_own_key_is_noticed_by_name(copy, name):
    found = record.read_file(file_of(copy))
    changed = signing.sign(replace(found, **{name: other(getattr(found, name))}), copy.folder.key())
    assert signing.signature_holds(changed)
    file_of(copy).write_bytes(record.to_file(changed))
    assert [problem for problem in copy.verify() if f": {name} is not what" in problem]


def test_a_signature_with_another_campaigns_key_is_refused(copy):
    found = record.read_file(file_of(copy))
    stolen = signing.sign(found, b"another campaign's secret key ..")
    file_of(copy).write_bytes(record.to_file(stolen))
    assert copy.verify() == [f"claim-1: {file_of(copy)}: signed with the key of another campaign"]
    assert certificates.check_certificate(stolen, found.public_key) != []


def test_another_campaigns_certificate_is_refused(copy, tmp_path):
    shutil.copy(file_of(make(tmp_path / "second")), file_of(copy))
    assert any("signed with the key of another campaign" in problem for problem in copy.verify())


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", "[" * 100_000, '{"format": NaN}', "\0" * 50])
def test_a_file_that_is_no_certificate_is_one_problem(copy, text):
    file_of(copy).write_text(text)
    (problem,) = copy.verify()
    assert "is not a certificate" in problem


def test_repeated_keys_and_other_spellings_are_refused(copy):
    text = file_of(copy).read_text()
    for forged in (
        text.replace('"episodes": 11', '"episodes": 10,\n  "episodes": 11'),
        text.replace('"p0": 0.5', '"p0": 5e-1'),
        text.replace("{", '{\n  "note": "hello",', 1),
        text + "\n",
    ):
        assert forged != text
        file_of(copy).write_text(forged)
        (problem,) = copy.verify()
        assert "was not written by enpire" in problem


def test_a_certificate_of_an_older_version_says_so(copy):
    file_of(copy).write_text('{"claim": "claim-1", "receipt": "00"}')
    (problem,) = copy.verify()
    assert "of an older version of enpire" in problem and "enpire report" in problem
    certificates.write_all(copy.folder, copy.state, copy.hub)
    assert copy.verify() == []


def test_swapped_episodes_are_noticed(copy):
    a, b = (copy.folder.root / x.folder for x in copy.study().episodes[:2])
    a.rename(a.with_name("x"))
    b.rename(a)
    a.with_name("x").rename(b)
    assert any("differs from the ledger" in problem for problem in copy.verify())


def test_a_missing_episode_is_noticed(copy):
    shutil.rmtree(copy.folder.root / copy.study().episodes[0].folder)
    assert any("cannot read" in problem for problem in copy.verify())


def test_an_episode_put_in_the_place_of_another_is_noticed(copy):
    good, failed = (copy.folder.root / copy.study().episodes[i].folder for i in (0, 4))
    shutil.rmtree(failed)
    shutil.copytree(good, failed)
    assert any("differs from the ledger" in problem for problem in copy.verify())


def test_changed_arrays_are_noticed(copy):
    episode = copy.study().episodes[4]
    path = copy.folder.root / episode.folder / ARRAYS
    arrays = read_arrays(copy.folder.root, episode)
    arrays["success"] = arrays["success"].copy()
    arrays["success"][-1] = True
    path.chmod(0o644)
    path.write_bytes(pack(arrays))
    assert any("does not match its recorded hash" in problem for problem in copy.verify())


def test_a_consistently_forged_episode_is_noticed(copy):
    """Record and arrays rewritten together, so that their hashes agree: the ledger still knows better."""
    episode = copy.study().episodes[4]
    root = copy.folder.root
    arrays = read_arrays(root, episode)
    arrays["success"] = arrays["success"].copy()
    arrays["success"][-1] = True
    data = pack(arrays)
    forged = replace(episode, result="success", reason="", artefacts={ARRAYS: sha256(data)})
    for name, content in ((ARRAYS, data), (RECORD, encode(forged))):
        (root / episode.folder / name).chmod(0o644)
        (root / episode.folder / name).write_bytes(content)
    assert decode((root / episode.folder / RECORD).read_bytes(), type(forged)) == forged
    assert any("differs from the ledger" in problem for problem in copy.verify())


def test_without_the_secret_key_everything_else_is_still_checked(copy):
    (copy.folder.root / "secret.key").unlink()
    assert copy.verify() == []
    found = record.read_file(file_of(copy))
    file_of(copy).write_bytes(record.to_file(replace(found, successes=found.episodes)))
    assert copy.verify() != []


@pytest.mark.parametrize(("start_states", "refused"), [(1, False), (2, True)])
def test_a_certified_claim_may_not_leave_out_start_states(copy, start_states, refused):
    """Written by the harness's own key: each of them was broken as often as a start state is played."""
    key, task = copy.folder.key(), open_task(TOY)
    ledger = Ledger(copy.folder.ledger, key=key, clock=SystemClock())
    for number in range(start_states * MOST_TRIES):
        seed = seeds.seed(key, "claim", EPISODES - 1 + number // MOST_TRIES)
        ticket = Ticket(id=100 + number, candidate=copy.commit, seed=seed, purpose="claim", study="claim-1")
        play(copy.folder, ledger, task, ticket, Player("broken"))
    ledger.close()
    task.close()
    certificates.write_all(copy.folder, copy.state, copy.hub)
    problems = copy.verify()
    assert [f"{start_states} start states were left out" in x for x in problems] == ([True] if refused else [])


def test_episodes_of_another_manifest_never_enter_a_certificate(copy):
    state = copy.state
    state.spec = replace(state.spec, manifest="f" * 64)
    (problem,) = certificates.verify(copy.folder, state, copy.hub)
    assert "judged under another manifest" in problem


def test_episodes_of_another_manifest_never_enter_a_fold(copy):
    """Not even when the ledger's own key wrote them: no figure is computed from a mixture."""
    episode = replace(copy.study().episodes[0], ticket=99, manifest="f" * 64)
    ledger = Ledger(copy.folder.ledger, key=copy.folder.key(), clock=SystemClock())
    ledger.append(e.EpisodeRecorded(episode=episode))
    ledger.close()
    with pytest.raises(Damaged, match="scores of two judges never mix"):
        copy.verify()


def test_a_repeatable_campaign_says_so(tmp_path):
    assert record.read_file(file_of(make(tmp_path / "seeded", seed=7))).repeatable


def test_two_campaigns_have_two_keys_and_the_public_one_tells_nothing_of_the_secret(made, tmp_path):
    assert make(tmp_path / "second").key != made.key
    assert made.folder.key().hex() not in file_of(made).read_text()

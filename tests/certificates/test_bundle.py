"""An exported claim: checked without its campaign, and every attempt to make it say something else."""

import io
import json
import stat
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from enpire import certificates
from enpire.certificates import check_bundle, record, signing
from enpire.certificates.archive import Archive, read_arrays
from enpire.certificates.bundle import declaration_digest
from enpire.core import seeds
from enpire.core.errors import BadInput
from enpire.core.files import sha256
from enpire.core.records import Episode, Ticket, decode, encode
from enpire.environment import freeze
from enpire.rollout.recorder import ARRAYS, pack
from enpire.tasks import open_task
from tests.certificates.made import EPISODES, TOY, rezip, unzip

FIRST = "episodes/0000003/"
FAILED = "episodes/0000007/"


def open_toy(spec):
    assert spec.name == TOY
    return open_task(TOY)


@pytest.fixture(scope="module")
def members(bundle):
    return unzip(bundle)


def signed(members, key=b"the key of somebody else, 32 byte", **changes):
    """The members with a changed certificate, signed anew with a key of the forger's own."""
    found = record.from_file(members["certificate.json"], "")
    return members | {"certificate.json": record.to_file(signing.sign(replace(found, **changes), key))}


def test_an_exported_claim_holds(made, bundle):
    played = []
    checked = check_bundle(bundle, key=made.key, open_task=open_toy, told=played.append)
    assert checked.problems == []
    assert played == list(range(3, 3 + EPISODES))
    assert checked.certificate == record.read_file(made.folder.root / "certificates" / "claim-1.json")
    assert checked.manifest is not None and checked.manifest.root == checked.certificate.manifest


def test_it_holds_no_secret_and_no_other_start_state(made, bundle):
    members = unzip(bundle)
    key = made.folder.key()
    assert not any("secret" in name or "ledger" in name for name in members)
    text = b"\n".join(members.values())
    assert key not in text and key.hex().encode() not in text
    unused = [seeds.seed(key, kind, i) for kind in ("search", "confirm", "claim") for i in range(60)]
    spent = {ticket.seed for ticket in made.study().tickets}
    plain = b"\n".join(data for name, data in members.items() if not name.endswith(".npz"))
    found = [value for value in unused if str(value).encode() in plain]
    assert set(found) == spent


def test_it_is_written_once(made, bundle):
    with pytest.raises(BadInput, match="exists; choose another"):
        certificates.export(made.folder, made.state, made.hub, made.study(), bundle)


def test_another_key_is_refused(bundle, made):
    (problem,) = check_bundle(bundle, key="0" * 64).problems
    assert made.key in problem and "not with the expected" in problem


def with_broken(members, made, start_states, tries):
    """The members with further start states from which every episode was invalid, signed by the owner of the key."""
    record_name, arrays_name = "episodes/0000009/episode.json", f"episodes/0000009/{ARRAYS}"
    broken = decode(members[record_name], Episode)
    assert broken.result == "invalid"
    claim = json.loads(members["claim.json"])
    certificate = record.from_file(members["certificate.json"], "")
    records, number = dict(certificate.records), 3 + EPISODES
    for place in range(start_states):
        for attempt in range(tries):
            seed = seeds.seed(made.folder.key(), "claim", 100 + place)
            folder = f"episodes/{number:07d}"
            data = encode(replace(broken, ticket=number, seed=seed, folder=folder))
            members = members | {f"{folder}/episode.json": data, f"{folder}/{ARRAYS}": members[arrays_name]}
            claim["tickets"].append(claim["tickets"][0] | {"id": number, "seed": seed, "tries": attempt})
            records[str(number)] = sha256(data)
            number += 1
    tickets = [Ticket(**plain) for plain in claim["tickets"]]
    members = members | {"claim.json": encode(claim)}
    return signed(
        members,
        made.folder.key(),
        records=records,
        invalid=certificate.invalid + start_states * tries,
        seeds=record.seeds_hash(tickets),
    )


@pytest.mark.parametrize(("start_states", "tries"), [(0, 0), (1, 3), (2, 2)])
def test_start_states_may_be_left_out_within_the_rule(members, made, start_states, tries):
    assert check_bundle(rezip(with_broken(members, made, start_states, tries)), key=made.key).problems == []


def test_a_claim_that_left_out_too_many_start_states_is_refused(members, made):
    """Not even the owner of the key can have it: the hard start states may be the ones that are missing."""
    (problem,) = check_bundle(rezip(with_broken(members, made, 2, 3)), key=made.key).problems
    assert "2 start states were left out, 11 episodes were counted" in problem


def test_every_member_matters(members):
    for name in members:
        rest = {n: data for n, data in members.items() if n != name}
        problems = check_bundle(rezip(rest)).problems
        assert problems or name == "manifest.json", name
        longer = check_bundle(rezip(members | {name: members[name] + b" "})).problems
        assert longer, name


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "secret.key", "episodes/0000003/policy.py", "candidate/../x"]
)
def test_files_that_do_not_belong_are_refused(members, name):
    assert check_bundle(rezip(members | {name: b"x"})).problems


def test_repeated_names_links_and_folders_are_refused(members):
    pairs = [*members.items(), ("claim.json", members["claim.json"])]
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = rezip(pairs)
    assert "is there twice" in check_bundle(twice).problems[0]
    for mode in (stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO):
        buffer = io.BytesIO(rezip(members))
        with zipfile.ZipFile(buffer, "a") as archive:
            entry = zipfile.ZipInfo("candidate/link")
            entry.external_attr = (mode | 0o777) << 16
            archive.writestr(entry, "/etc/passwd")
        assert "is not a regular file" in check_bundle(buffer.getvalue()).problems[0]


def test_swapped_dropped_and_repeated_episodes_are_refused(members):
    swapped = dict(members)
    for name in ("episode.json", "arrays.npz"):
        swapped[FIRST + name], swapped[FAILED + name] = members[FAILED + name], members[FIRST + name]
    assert any("not the record that was certified" in p for p in check_bundle(rezip(swapped)).problems)
    dropped = {name: data for name, data in members.items() if not name.startswith(FAILED)}
    assert any("is missing" in p for p in check_bundle(rezip(dropped)).problems)
    repeated = members | {FAILED + name: members[FIRST + name] for name in ("episode.json", "arrays.npz")}
    assert check_bundle(rezip(repeated)).problems


def forged_win(members):
    """The failed episode turned into a success, every hash made to fit, signed with the forger's own key."""
    with np.load(io.BytesIO(members[FAILED + "arrays.npz"])) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["success"][-1] = True
    data = pack(arrays)
    episode = decode(members[FAILED + "episode.json"], Episode)
    won = encode(replace(episode, result="success", reason="", artefacts={"arrays.npz": sha256(data)}))
    found = record.from_file(members["certificate.json"], "")
    n, k = found.episodes, found.successes + 1
    stations = dict(found.stations) | {episode.station: (found.stations[episode.station][1],) * 2}
    from enpire.statistics import one_sample
    from enpire.statistics.intervals import clopper_pearson, wilson

    changes = {
        "successes": k,
        "stations": stations,
        "log_e": one_sample.log_e_value(k, n - k, found.p0),
        "lower_bound": one_sample.lower_bound(k, n - k, found.alpha),
        "true_lower_bound": one_sample.lower_bound(k, n - k, found.alpha),
        "wilson": tuple(wilson(k, n)),
        "clopper_pearson": tuple(clopper_pearson(k, n)),
        "records": found.records | {"7": sha256(won)},
    }
    return signed(members | {FAILED + "arrays.npz": data, FAILED + "episode.json": won}, **changes)


def test_a_perfect_forgery_with_a_key_of_its_own_fails_by_key_and_by_replay(members, made):
    forged = rezip(forged_win(members))
    assert check_bundle(forged).problems == []  # all that a signature by a stranger is worth
    assert "not with the expected" in check_bundle(forged, key=made.key).problems[0]
    (problem,) = check_bundle(forged, open_task=open_toy).problems
    assert "replaying episode 7 does not give success" in problem


@pytest.mark.parametrize("change", ["start state", "action"])
def test_a_replay_finds_changed_arrays(members, change):
    name = FIRST + "arrays.npz"
    with np.load(io.BytesIO(members[name])) as archive:
        arrays = {n: archive[n] for n in archive.files}
    array = arrays["action" if change == "action" else "observation.state"]
    array[0] = array[0] * 0.5
    data = pack(arrays)
    episode = replace(decode(members[FIRST + "episode.json"], Episode), artefacts={"arrays.npz": sha256(data)})
    found = record.from_file(members["certificate.json"], "")
    changed = members | {name: data, FIRST + "episode.json": encode(episode)}
    forged = rezip(signed(changed, records=found.records | {"3": sha256(encode(episode))}))
    assert check_bundle(forged).problems == []
    assert "did not repeat" in check_bundle(forged, open_task=open_toy).problems[0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda a: a | {"action": a["action"] * np.nan},
        lambda a: a | {"action": a["action"] * 100},
        lambda a: a | {"action": a["action"][:, :1]},
        lambda a: a | {"action": a["action"].astype("float32")},
        lambda a: a | {"extra": a["action"]},
        lambda a: {k: v for k, v in a.items() if k != "observation.state"},
        lambda a: a | {"observation.state": a["observation.state"][:-1]},
        lambda a: a | {"success": np.ones_like(a["success"])},
        lambda a: a | {"progress": a["progress"][:-1]},
    ],
)
def test_arrays_that_the_harness_cannot_have_written_are_refused(members, spoil):
    with np.load(io.BytesIO(members[FIRST + "arrays.npz"])) as archive:
        data = pack(spoil({n: archive[n] for n in archive.files}))
    episode = replace(decode(members[FIRST + "episode.json"], Episode), artefacts={"arrays.npz": sha256(data)})
    found = record.from_file(members["certificate.json"], "")
    changed = members | {FIRST + "arrays.npz": data, FIRST + "episode.json": encode(episode)}
    forged = rezip(signed(changed, records=found.records | {"3": sha256(encode(episode))}))
    problems = check_bundle(forged, open_task=open_toy).problems
    assert problems and FIRST in problems[0]


def test_no_field_of_a_members_json_can_be_changed(members):
    for name in ("claim.json", "manifest.json", "certificate.json", FIRST + "episode.json"):
        plain = json.loads(members[name])
        for field in plain:
            for value in (None, 0, -1, 1e300, 10**30, "", "x", [], {}, True):
                if plain[field] == value:
                    continue
                spoiled = json.dumps(plain | {field: value}, separators=(",", ":"), sort_keys=True).encode()
                checked = check_bundle(rezip(members | {name: spoiled}))
                assert checked.problems, (name, field, value)


def test_a_declaration_counts_only_if_it_judged(members):
    text = b'requirements = ["a==1"]\nsuccess = "terminated"\nprogress = "return / 500"\n'
    assert any("not the declaration" in p for p in check_bundle(rezip(members | {"declaration.toml": text})).problems)
    without = {name: data for name, data in members.items() if name != "manifest.json"}
    assert any("nothing says" in p for p in check_bundle(rezip(without | {"declaration.toml": text})).problems)
    stored = freeze.parse(members["manifest.json"], "")
    judge = stored.judge | {"declaration": declaration_digest(text)}
    judged = encode(replace(stored, judge=judge, root=freeze.root_of(judge)))
    problems = check_bundle(rezip(members | {"manifest.json": judged, "declaration.toml": text})).problems
    assert problems == ["manifest.json: not the manifest that judged"]
    for nonsense in (b"", b"\xff", b"a" * 1000, b"x = " + b"[" * 50_000):
        assert check_bundle(rezip(members | {"declaration.toml": nonsense})).problems


class TestSafeReading:
    """Files from somebody who may wish us harm."""

    def test_a_bomb_is_refused_before_it_goes_off(self, members):
        bomb = rezip(members | {"claim.json": b"[" + b" " * (64 * 1024 * 1024) + b"]"})
        assert len(bomb) < 1024 * 1024
        assert any("is larger than" in problem for problem in check_bundle(bomb).problems)

    def test_a_name_that_is_empty_is_refused(self, members):
        """The standard library's own question whether that is a folder raises."""
        data = bytearray(rezip(members | {"x": b""}))
        place = data.rindex(b"PK\x01\x02")
        data[place + 28 : place + 30] = b"\0\0"  # length of the name
        data[place + 30 : place + 32] = b"\1\0"  # its one byte is an extra field now
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert "" in archive.namelist()
        assert check_bundle(bytes(data)).problems

    def test_deep_nesting_is_refused(self, members):
        assert check_bundle(rezip(members | {"claim.json": b"[" * 200_000})).problems

    def test_pickles_are_refused(self):
        buffer = io.BytesIO()
        np.savez(buffer, action=np.array([{"a": 1}], dtype=object))
        with pytest.raises(BadInput, match="not a plain array"):
            read_arrays(buffer.getvalue(), "arrays")

    def test_a_header_that_asks_for_a_terabyte_is_refused(self):
        member = io.BytesIO()
        np.lib.format.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": (1 << 37,)})
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("action.npy", member.getvalue())
        with pytest.raises(BadInput, match="do not fit its shape"):
            read_arrays(buffer.getvalue(), "arrays")

    def test_plain_arrays_are_read(self):
        arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array([True, False]), "c": np.zeros((0, 2), np.uint8)}
        found = read_arrays(pack(arrays), "arrays")
        assert found.keys() == arrays.keys()
        for name, array in arrays.items():
            assert found[name].dtype == array.dtype and np.array_equal(found[name], array)

    def test_names_are_never_paths(self, tmp_path):
        data = rezip({"../outside": b"x", "/absolute": b"y"})
        with Archive(data) as archive:
            assert archive.names == {"../outside", "/absolute"}
        assert list(tmp_path.iterdir()) == []

"""Random damage to certificates, zip files and manifests: no crash, no hang, nothing false is accepted."""

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enpire.certificates import check_bundle, check_certificate, record
from enpire.certificates.archive import Archive
from enpire.core.errors import BadInput, Damaged
from enpire.environment import freeze
from tests.certificates.made import rezip, unzip

NASTY = [
    None,
    True,
    -1,
    0,
    1,
    2**63,
    2**64,
    10**400,
    1e308,
    -0.0,
    5e-324,
    "",
    "\0",
    "../x",
    "é" * 50,
    [],
    {},
    [[[[]]]],
    {"": ""},
    "NaN",
    "0" * 64,
]
RAW = [
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"1" * 5000,
    b"[" * 5000,
    b'"\\ud800"',
    b"\xff\xfe",
    b'{"a":1,"a":2}',
]


def same(data, original):
    """Whether a zip file still says exactly the same: only bytes that mean nothing (a date) were hit.

    It may lack the manifest: a campaign of an older version has none.
    """
    with Archive(data) as archive:
        found = {name: archive.read(name) for name in archive.names}
    return found in (original, {name: data for name, data in original.items() if name != "manifest.json"})


def damage_bytes(data, rng):
    """Flipped, dropped, repeated, overwritten or swapped bytes."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 40))):
        at = rng.randrange(len(data)) if data else 0
        length = rng.choice((1, 1, 2, 4, 8, 30, 300))
        match rng.randrange(6):
            case 0 if data:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length]
            case 3:
                data[at : at + length] = rng.randbytes(len(data[at : at + length]))
            case 4:
                data[at : at + length] = rng.choice((b"\0", b"\xff")) * len(data[at : at + length])
            case 5:
                del data[at if rng.random() < 0.5 else len(data) - length :]
    return bytes(data)


def damage_json(data, rng):
    """A value somewhere in a JSON text replaced, removed, repeated or swapped with another one."""
    plain = json.loads(data)
    for _ in range(rng.choice((1, 1, 2))):
        places = []
        stack = [plain]
        while stack:
            node = stack.pop()
            keys = list(node) if isinstance(node, dict) else range(len(node))
            places += [(node, key) for key in keys]
            stack += [node[key] for key in keys if isinstance(node[key], dict | list)]
        node, key = rng.choice(places)
        match rng.randrange(4):
            case 0:
                node[key] = rng.choice(NASTY)
            case 1:
                del node[key]
            case 2:
                other, place = rng.choice(places)
                if place in other if isinstance(other, dict) else place < len(other):
                    node[key] = json.loads(json.dumps(other[place]))
            case 3 if isinstance(node, dict):
                node[rng.choice(("x", "", "format", "seed"))] = rng.choice(NASTY)
    text = json.dumps(plain, separators=(",", ":"), sort_keys=True).encode()
    if rng.random() < 0.3:
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice(RAW) + text[at:]
    return text


def damage_bundle(original, members, rng):
    match rng.randrange(5):
        case 0:
            return damage_bytes(original, rng)
        case 1:
            name = rng.choice(sorted(members))
            return rezip(members | {name: damage_bytes(members[name], rng)})
        case 2:
            name = rng.choice([n for n in members if n.endswith(".json")])
            return rezip(members | {name: damage_json(members[name], rng)})
        case 3:
            a, b = rng.sample(sorted(members), 2)
            return rezip(members | {a: members[b], b: members[a]} if rng.random() < 0.5 else members | {a: members[b]})
        case _:
            names = sorted(members)
            gone = set(rng.sample(names, rng.choice((1, 2, 5))))
            return rezip({n: members[n] for n in names if n not in gone})


def attack_bundle(original, members, rng):
    data = damage_bundle(original, members, rng)
    checked = check_bundle(data)
    assert checked.problems or same(data, members), "a changed file was accepted"
    return bool(checked.problems)


@pytest.fixture(scope="module")
def original(bundle):
    return bundle.read_bytes()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_damaged_bundles(original):
    members, rng = unzip(original), random.Random(1)
    refused = sum(attack_bundle(original, members, rng) for _ in range(400))
    assert refused > 300


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_ten_thousand_damaged_bundles(original):
    members, rng = unzip(original), random.Random(2)
    refused = sum(attack_bundle(original, members, rng) for _ in range(10_000))
    assert refused > 8000


def attack_certificate(data, rng):
    damaged = damage_json(data, rng) if rng.random() < 0.5 else damage_bytes(data, rng)
    try:
        found = record.from_file(damaged, "certificate")
    except BadInput:
        return
    assert damaged == data or check_certificate(found, None) != []


def test_damaged_certificates(original):
    data, rng = unzip(original)["certificate.json"], random.Random(3)
    for _ in range(1000):
        attack_certificate(data, rng)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_hundred_thousand_damaged_certificates(original):
    data, rng = unzip(original)["certificate.json"], random.Random(4)
    for _ in range(100_000):
        attack_certificate(data, rng)


def test_damaged_manifests(original):
    data, rng = unzip(original)["manifest.json"], random.Random(5)
    judge = json.loads(data)["judge"]
    for _ in range(500):
        damaged = damage_json(data, rng) if rng.random() < 0.5 else damage_bytes(data, rng)
        try:
            found = freeze.parse(damaged, "manifest")
        except (BadInput, Damaged):
            continue
        assert found.judge == judge or found.root != json.loads(data)["root"]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused(data):
    assert check_bundle(data).problems
    assert check_bundle(rezip({"certificate.json": data})).problems
    with pytest.raises(BadInput):
        record.from_file(data, "certificate")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_arbitrary_values_in_any_field_are_refused(original, data):
    members = unzip(original)
    plain = json.loads(members["certificate.json"])
    name = data.draw(st.sampled_from(sorted(plain)))
    value = data.draw(json_values)
    text = json.dumps(plain | {name: value}, indent=2, sort_keys=True).encode()
    problems = check_bundle(rezip(members | {"certificate.json": text})).problems
    assert problems or text == members["certificate.json"]

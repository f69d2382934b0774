"""Random damage to manifests, and arbitrary bytes and values; damaged certificates and files are in `tests/fuzz`."""

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enpire.certificates import check_bundle, record
from enpire.core.errors import BadInput, Damaged
from enpire.environment import freeze
from tests.certificates.made import rezip, unzip
from tests.fuzz.damage import damage_bytes, damage_json


@pytest.fixture(scope="module")
def original(bundle):
    return bundle.read_bytes()


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

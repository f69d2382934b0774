"""Damaged certificates and exported claims."""

import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from enpire import certificates
from enpire.certificates import check_bundle, check_certificate, record, signing
from enpire.certificates.archive import Archive
from enpire.certificates.bundle import Exported
from enpire.core.errors import BadInput
from enpire.core.records import decode
from tests.certificates.made import make, rezip, unzip
from tests.fuzz.damage import damage_bytes, damage_json


def same(data, original):
    """Whether a zip file still says exactly the same: only bytes that mean nothing (a date) were hit.

    It may lack the manifest, and tickets may lack their number of tries if that is 0: as older versions wrote them.
    """
    with Archive(data) as archive:
        found = {name: archive.read(name) for name in archive.names}
    if decode(found["claim.json"], Exported) == decode(original["claim.json"], Exported):
        found["claim.json"] = original["claim.json"]
    return found in (original, {name: data for name, data in original.items() if name != "manifest.json"})


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
    return "refused" if checked.problems else "says the same"


def attack_certificate(data, rng):
    damaged = damage_json(data, rng) if rng.random() < 0.5 else damage_bytes(data, rng)
    try:
        found = record.from_file(damaged, "certificate")
    except BadInput:
        return "not a certificate"
    if damaged == data:
        return "says the same"
    assert check_certificate(found, None) != [], "a changed certificate was accepted"
    return "does not hold"


class _Claims:
    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="enpire-fuzz-")
        root = Path(self._folder.name)
        made = make(root / "campaign", seed=1)
        certificates.export(made.folder, made.state, made.hub, made.study(), root / "claim.zip")
        members = unzip(root / "claim.zip")
        found = record.from_file(members["certificate.json"], "certificate")
        # The ledger's chain holds the time of day; without it every run begins with the same bytes.
        signed = signing.sign(replace(found, ledger_head="5a" * 32), made.folder.key())
        self._members = members | {"certificate.json": record.to_file(signed)}
        self._data = rezip(self._members)
        assert check_bundle(self._data).problems == []
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()


class Certificates(_Claims):
    """A certificate file alone."""

    def attack(self, rng):
        return attack_certificate(self._members["certificate.json"], rng)


class Bundles(_Claims):
    """A file from `enpire export-claim`."""

    def attack(self, rng):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # two members of one name
            return attack_bundle(self._data, self._members, rng)

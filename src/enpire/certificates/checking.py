"""Checking an exported claim without its campaign: from the zip file and, if known, the campaign's public key."""

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from enpire.certificates import card, record, signing
from enpire.certificates.archive import Archive, read_arrays
from enpire.certificates.bundle import CERTIFICATE, CLAIM, DECLARATION, MANIFEST, Exported, declaration_digest
from enpire.certificates.issuing import replayed, too_many_left_out
from enpire.certificates.record import Certificate, content_hash, seeds_hash
from enpire.core import seeds
from enpire.core.errors import BadInput, EnpireError
from enpire.core.files import sha256
from enpire.core.records import Episode, TaskSpec, Ticket, decode, encode
from enpire.environment import freeze, verifier_card
from enpire.environment.contract import Task
from enpire.environment.freeze import Manifest
from enpire.evolution.reading import check_files
from enpire.rollout.recorder import ARRAYS, RECORD

_SMALL = 16 * 1024 * 1024
T = TypeVar("T")


@dataclass
class Checked:
    """What came of checking a file.

    Attributes:
        certificate: What it claims; None if there is no readable certificate.
        spec: The task's specification; None if it is not there.
        manifest: What judged, line by line; None if the campaign did not store it.
        problems: Everything that is wrong, one line each. Empty: all that could be checked holds.
    """

    certificate: Certificate | None = None
    spec: TaskSpec | None = None
    manifest: Manifest | None = None
    problems: list[str] = field(default_factory=list)


def check_certificate(certificate: Certificate, key: str | None) -> list[str]:
    """What is wrong with a certificate alone: its signature, its arithmetic, and whose key it is.

    Args:
        certificate: Any certificate.
        key: Public key it should be signed with, 64 hexadecimal digits; None accepts the one that stands in it.
    """
    problems = record.inconsistencies(certificate)
    if not signing.signature_holds(certificate):
        problems.append("the signature does not fit the content")
    if key is not None and certificate.public_key != key:
        problems.append(f"signed with key {certificate.public_key[:64]}, not with the expected {key}")
    return problems


def check_bundle(
    source: Path | bytes,
    *,
    key: str | None = None,
    open_task: Callable[[TaskSpec], Task] | None = None,
    told: Callable[[int], None] = lambda ticket: None,
) -> Checked:
    """Check an exported claim: signature, hashes, counts, evidence, and on demand every episode in the environment.

    Never raises for anything the file holds: what is wrong is in `problems`. What `open_task` raises is passed on.

    Args:
        source: The zip file, or its bytes.
        key: Public key it should be signed with; None accepts the one in the certificate.
        open_task: Opens the task to replay every episode from its seed and its recorded actions; None skips that.
        told: Called with every ticket that is about to be replayed.
    """
    result = Checked()
    try:
        with Archive(source) as archive:
            _check(archive, key, result)
    except EnpireError as error:
        result.problems.append(str(error))
    if open_task is not None and not result.problems:
        assert result.spec is not None
        task = open_task(result.spec)
        try:
            with Archive(source) as archive:
                _replay(archive, task, told, result)
        finally:
            task.close()
    return result


def _check(archive: Archive, key: str | None, result: Checked) -> None:
    certificate = result.certificate = record.from_file(archive.read(CERTIFICATE, record.MAX_BYTES), CERTIFICATE)
    result.problems += check_certificate(certificate, key)
    if result.problems:
        return
    exported = _canonical(archive, CLAIM, Exported)
    spec = result.spec = exported.spec
    if sha256(encode(spec)) != certificate.spec or (spec.name, spec.manifest) != (
        certificate.task,
        certificate.manifest,
    ):
        result.problems.append(f"{CLAIM}: the task is not the one that was certified")
        return
    if spec.verifier != certificate.verifier:
        result.problems.append(f"{CLAIM}: the judge was corrected by other numbers than the task's verifier card gives")
        return
    discrete = len(spec.action.discrete) in (0, spec.action.size)
    if not (len(spec.action.low) == len(spec.action.high) == spec.action.size and discrete):
        result.problems.append(f"{CLAIM}: the task's action box does not fit its size")
        return
    result.problems += _check_tickets(exported.tickets, certificate)
    candidate = {n.removeprefix("candidate/"): n for n in archive.names if n.startswith("candidate/")}
    files = {path: archive.read(name, _SMALL) for path, name in sorted(candidate.items())}
    check_files(files)
    if content_hash(files) != certificate.content:
        result.problems.append("candidate/: these files are not the ones that were certified")
    result.manifest = _check_judge(archive, certificate, result.problems)
    expected = (
        {CERTIFICATE, CLAIM} | ({MANIFEST, DECLARATION, verifier_card.FILE} & archive.names) | set(candidate.values())
    )
    expected |= {f"{_folder(t.id)}/{name}" for t in exported.tickets for name in (RECORD, ARRAYS)}
    if unexpected := sorted(archive.names - expected):
        result.problems.append(f"{len(unexpected)} files do not belong here, e.g. {unexpected[0][:100]!r}")
    if not result.problems:
        _check_episodes(archive, exported.tickets, certificate, spec, result)


def _check_judge(archive: Archive, c: Certificate, problems: list[str]) -> Manifest | None:
    """The manifest and the task's declaration, if they are there: are they what judged?"""
    if MANIFEST not in archive.names:
        for name in sorted({DECLARATION, verifier_card.FILE} & archive.names):
            problems.append(f"{name}: without {MANIFEST} nothing says that it judged")
        return None
    data = archive.read(MANIFEST, _SMALL)
    found = freeze.parse(data, MANIFEST)
    if (found.root, found.task, found.recorded) != (c.manifest, c.task, {}) or encode(found) != data:
        problems.append(f"{MANIFEST}: not the manifest that judged")
    if DECLARATION in archive.names:
        digest = declaration_digest(archive.read(DECLARATION, _SMALL))
        if digest != found.judge.get("declaration"):
            problems.append(f"{DECLARATION}: not the declaration that judged")
    held = archive.read(verifier_card.FILE, _SMALL) if verifier_card.FILE in archive.names else None
    problems += card.differing(found, held, c.verifier)
    return found


def _check_tickets(tickets: tuple[Ticket, ...], c: Certificate) -> list[str]:
    problems = []
    if [str(t.id) for t in tickets] != sorted(c.records, key=int):
        problems.append(f"{CLAIM}: these are not the tickets of the certificate")
    if seeds_hash(tickets) != c.seeds:
        problems.append(f"{CLAIM}: the start states are not the ones of the certificate")
    met: Counter[int] = Counter()
    for t in tickets:
        if t.tries != met[t.seed]:
            problems.append(f"{CLAIM}: ticket {t.id} is try {met[t.seed]} of its start state, not {t.tries}")
        met[t.seed] += 1
        of_claim = 0 <= t.seed < 3 << 28 and seeds.class_of(t.seed) == "claim"
        if not of_claim or (t.candidate, t.purpose, t.study) != (c.candidate, "claim", c.claim):
            problems.append(f"{CLAIM}: ticket {t.id} is not one of this claim")
    return problems


def _check_episodes(
    archive: Archive, tickets: tuple[Ticket, ...], c: Certificate, spec: TaskSpec, result: Checked
) -> None:
    tally: dict[str, list[int]] = {}
    levels, invalid, met = set(), 0, set()
    episodes: list[Episode] = []
    for ticket in tickets:
        try:
            episode = _episode(archive, ticket, c, spec)
        except BadInput as error:
            result.problems.append(str(error))
            continue
        episodes.append(episode)
        if episode.result == "invalid":
            invalid += 1
            continue
        if episode.seed in met:
            result.problems.append(f"{_folder(ticket.id)}: its start state was used twice")
        met.add(episode.seed)
        levels.add(episode.confinement)
        counts = tally.setdefault(episode.station, [0, 0])
        counts[0], counts[1] = counts[0] + episode.success, counts[1] + 1
    if result.problems:
        return
    if {name: tuple(counts) for name, counts in tally.items()} != c.stations or invalid != c.invalid:
        result.problems.append("the episodes do not give the counts of the certificate")
    result.problems += too_many_left_out(episodes) if c.certified else []
    if tuple(sorted(levels)) != c.confinement:
        result.problems.append("the episodes ran under other isolation than the certificate says")


def _episode(archive: Archive, ticket: Ticket, c: Certificate, spec: TaskSpec) -> Episode:
    """One episode, checked against certificate, ticket and its own arrays."""
    name = f"{_folder(ticket.id)}/{RECORD}"
    data = archive.read(name, _SMALL)
    if sha256(data) != c.records[str(ticket.id)]:
        raise BadInput(f"{name}: not the record that was certified")
    episode = _decoded(data, name, Episode)
    same = (episode.ticket, episode.candidate, episode.seed, episode.purpose, episode.study, episode.manifest)
    if same != (ticket.id, ticket.candidate, ticket.seed, ticket.purpose, ticket.study, c.manifest):
        raise BadInput(f"{name}: does not belong to its ticket")
    if episode.folder != _folder(ticket.id) or list(episode.artefacts) != [ARRAYS]:
        raise BadInput(f"{name}: names other files than its own")
    name = f"{_folder(ticket.id)}/{ARRAYS}"
    data = archive.read(name)
    if sha256(data) != episode.artefacts[ARRAYS]:
        raise BadInput(f"{name}: not the arrays that were certified")
    _check_arrays(data, name, episode, spec)
    return episode


def _check_arrays(data: bytes, name: str, episode: Episode, spec: TaskSpec) -> None:
    """Names, types and shapes of the arrays, actions inside the box, and the recorded result."""
    arrays = read_arrays(data, name)
    steps = len(arrays.get("success", ()))
    expected: dict[str, tuple[tuple[int, ...], str]] = {
        "action": ((steps, spec.action.size) if steps else (0,), "float64"),
        "success": ((steps,), "bool"),
    }
    expected |= {"held": ((steps,), "bool"), "reward": ((steps,), "float64"), "progress": ((steps,), "float64")}
    if episode.result != "invalid" or any(key.startswith("observation.") for key in arrays):
        expected |= {k: ((steps + 1, *a.shape), a.dtype) for k, a in spec.observation.items() if not a.on_demand}
    played = {key: array for key, array in arrays.items() if not key.startswith("start.")}
    if {key: (a.shape, a.dtype.name) for key, a in played.items()} != expected:
        raise BadInput(f"{name}: arrays of other names, types or shapes than the task has")
    if steps > spec.max_steps or not steps <= episode.steps <= spec.max_steps:
        raise BadInput(f"{name}: {steps} steps do not fit the record or the step limit {spec.max_steps}")
    action, success = arrays["action"], arrays["success"]
    if steps and not np.array_equal(spec.action.clip(action), action):
        raise BadInput(f"{name}: an action is not one that the harness would have passed on")
    if success[:-1].any() or bool(steps and success[-1]) != episode.success:
        raise BadInput(f"{name}: the record says {episode.result}, the arrays do not")


def _replay(archive: Archive, task: Task, told: Callable[[int], None], result: Checked) -> None:
    """Replay from a scratch folder in which every name is ours."""
    assert result.certificate is not None
    with tempfile.TemporaryDirectory(prefix="enpire-verify-") as scratch:
        for ticket in sorted(map(int, result.certificate.records)):
            folder = Path(scratch) / _folder(ticket)
            folder.mkdir(parents=True)
            (folder / ARRAYS).write_bytes(archive.read(f"{_folder(ticket)}/{ARRAYS}"))
            episode = decode(archive.read(f"{_folder(ticket)}/{RECORD}", _SMALL), Episode)
            result.problems += replayed(task, Path(scratch), [episode], told)
            (folder / ARRAYS).unlink()


def _canonical(archive: Archive, name: str, kind: type[T]) -> T:
    """A record in the one form that `encode` gives it, so that there is one reading only."""
    data = archive.read(name, _SMALL)
    found = _decoded(data, name, kind)
    if encode(found) != data:
        raise BadInput(f"{name} was not written by enpire: a key is repeated or unknown, or its form was changed")
    return found


def _decoded(data: bytes, name: str, kind: type[T]) -> T:
    try:
        return decode(data, kind)
    except (BadInput, UnicodeError, RecursionError) as error:
        raise BadInput(f"{name}: {error}") from None


def _folder(ticket: int) -> str:
    return f"episodes/{ticket:07d}"

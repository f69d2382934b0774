"""A claim as one zip file: what somebody else needs to check it, and no secret."""

import os
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from enpire.certificates import card, issuing, record
from enpire.certificates.record import Certificate
from enpire.core.errors import BadInput
from enpire.core.files import sync_directory
from enpire.core.records import TaskSpec, Ticket, encode
from enpire.environment import freeze, verifier_card
from enpire.environment.declaration import parse
from enpire.environment.freeze import Manifest
from enpire.evolution.hub import Hub
from enpire.ledger.folder import Folder
from enpire.ledger.state import State, Study
from enpire.rollout.recorder import ARRAYS, RECORD
from enpire.tasks import PREFIX, declaration_file

CERTIFICATE = "certificate.json"
CLAIM = "claim.json"
DECLARATION = "declaration.toml"
MANIFEST = freeze.FILE
_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """The part of a ledger that a claim rests on.

    Attributes:
        spec: The task's specification.
        tickets: The claim's tickets with their start states, spent for ever; no others.
    """

    spec: TaskSpec
    tickets: tuple[Ticket, ...]


def export(folder: Folder, state: State, hub: Hub, study: Study, target: Path) -> Certificate:
    """Write a closed claim into a zip file: certificate, tickets, episodes, the candidate's files, the task.

    Args:
        folder, state, hub: A campaign.
        study: One of `closed_claims`.
        target: File to write; there must be none yet.

    Returns:
        The certificate in it.

    Raises:
        BadInput: The file exists or cannot be written, or the folder holds no secret key to sign with.
        Damaged: The campaign's records are not whole.
    """
    if target.exists():
        raise BadInput(f"{target} exists; choose another with --out")
    certificate = issuing.issue(folder, state, hub, study)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in _members(folder, state, hub, study, certificate):
                entry = zipfile.ZipInfo(name, _DATE)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
                archive.writestr(entry, data)
        temporary.rename(target)
        sync_directory(target.absolute().parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise BadInput(f"cannot write {target}: {error.strerror}") from None
    return certificate


def _members(
    folder: Folder, state: State, hub: Hub, study: Study, certificate: Certificate
) -> Iterator[tuple[str, bytes]]:
    assert state.spec is not None and state.config is not None
    yield CERTIFICATE, record.to_file(certificate)
    tickets = tuple(sorted((state.tickets[x.ticket] for x in study.episodes), key=lambda t: t.id))
    yield CLAIM, encode(Exported(spec=state.spec, tickets=tickets))
    if (manifest := _manifest(folder, certificate)) is not None:
        yield MANIFEST, encode(manifest)
        if state.spec.name.startswith(PREFIX):
            own = Path(state.config.declaration) if state.config.declaration else None
            declaration = declaration_file(state.spec.name, own).read_bytes()
            if declaration_digest(declaration) == manifest.judge.get("declaration"):
                yield DECLARATION, declaration
        if manifest.judge.get(verifier_card.NAME) and (data := card.stored(folder)) is not None:
            yield verifier_card.FILE, data
    for path, content in sorted(hub.files(certificate.candidate).items()):
        yield f"candidate/{path}", content
    for episode in sorted(study.episodes, key=lambda x: x.ticket):
        for name in (RECORD, ARRAYS):
            yield f"{episode.folder}/{name}", (folder.root / episode.folder / name).read_bytes()


def _manifest(folder: Folder, certificate: Certificate) -> Manifest | None:
    found = issuing.manifest(folder, certificate.manifest)
    return None if found is None else replace(found, recorded={})


def declaration_digest(data: bytes) -> str:
    """Digest of a declaration as it stands in the manifest. Requirements that are paths belong to one machine only.

    Raises:
        BadInput: It is not a declaration.
    """
    try:
        return parse(tomllib.loads(data.decode()), Path("/")).digest()
    except (tomllib.TOMLDecodeError, UnicodeError, RecursionError, ValueError) as error:
        raise BadInput(f"{DECLARATION} is not a declaration: {error}") from None

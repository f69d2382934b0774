"""The freeze: everything that judges as one list of hashes, with a root that stands in every episode."""

import hashlib
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import msgspec

from enpire.core.errors import BadInput, Damaged
from enpire.core.files import sha256, sha256_file, write_durably
from enpire.core.records import encode
from enpire.environment.frozen_files import files_below

FORMAT = 1
FILE = "manifest.json"
"""Name of the manifest in a campaign folder."""
JUDGING = ("core", "environment", "ledger", "rollout", "statistics")
"""Folders of this package whose every file counts. Of `tasks` only the shared files and the task itself do."""
LIBRARIES = ("msgspec", "numpy", "scipy")
"""Packages that compute verdicts and statistics in our own processes."""
_MAX_BYTES = 4 * 1024 * 1024
PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What judges a task.

    Attributes:
        task: Name of the task.
        root: SHA-256 over `judge` as sorted JSON. It is `TaskSpec.manifest`.
        judge: Name to hash, version or value. Any change makes scores incomparable.
        recorded: What else was there. Kept for people; it does not enter the root.
    """

    format: int
    task: str
    root: str
    judge: dict[str, str]
    recorded: dict[str, str] = field(default_factory=dict)


def root_of(judge: Mapping[str, str]) -> str:
    """SHA-256 over the lines, as canonical JSON: sorted by name, nothing ambiguous."""
    return sha256(encode(dict(judge)))


def manifest(task: str, files: Mapping[str, Path], facts: Mapping[str, str]) -> Manifest:
    """Manifest of a task as this machine would judge it now.

    Args:
        task: Name of the task.
        files: Line name to file, for what belongs to this task; this package's own judging files are added.
        facts: Lines that are no files: options, versions, hashes of folders.
    """
    judge = {name: sha256_file(path) for name, path in (own_files() | dict(files)).items()}
    judge |= {"python": f"{platform.python_implementation()} {platform.python_version()}"}
    judge |= {f"library/{name}": metadata.version(name) for name in LIBRARIES}
    judge |= {name: " ".join(value.split()) for name, value in facts.items()}
    recorded = {
        "enpire": metadata.version("enpire"),
        "enpire/everything else": _rest_hash(),
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python build": " ".join(sys.version.split()),
    }
    return Manifest(format=FORMAT, task=task, root=root_of(judge), judge=judge, recorded=recorded)


def own_files() -> dict[str, Path]:
    """Line name to file for the code of this package that judges every task."""
    found = {f"enpire/{p.relative_to(PACKAGE).as_posix()}": p for name in JUDGING for p in files_below(PACKAGE / name)}
    shared = [PACKAGE / "tasks" / "__init__.py", *sorted((PACKAGE / "tasks").glob("_[!_]*.py"))]
    return found | {f"enpire/tasks/{path.name}": path for path in shared}


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What changed from one list of judging lines to another, one line each; versions are shown, hashes are not."""
    lines = []
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            lines.append(f"removed  {name}")
        elif name not in old:
            lines.append(f"added    {name}")
        elif old[name] != new[name]:
            hashes = all(re.fullmatch("[0-9a-f]{64}", value) for value in (old[name], new[name]))
            lines.append(f"changed  {name}" + ("" if hashes else f": {old[name]} -> {new[name]}"))
    return lines


# ---------------------------------------------------------------------------- as a file


def write(path: Path, frozen: Manifest) -> None:
    """Write a manifest as JSON.

    Raises:
        BadInput: The file cannot be written.
    """
    try:
        write_durably(path, msgspec.json.format(encode(frozen), indent=2) + b"\n")
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from None


def read(path: Path) -> Manifest:
    """Manifest from a file, or from the campaign folder that holds one.

    Raises:
        BadInput: There is none, or it is not a manifest.
        Damaged: Its root does not follow from its lines.
    """
    file = path / FILE if path.is_dir() else path
    try:
        with file.open("rb") as opened:
            data = opened.read(_MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"cannot read the manifest {file}: {error.strerror}; `enpire task freeze` makes one") from None
    return parse(data, str(file))


def parse(data: bytes, source: str) -> Manifest:
    """Manifest from bytes; errors as `read`."""
    if len(data) > _MAX_BYTES:
        raise BadInput(f"{source} is larger than {_MAX_BYTES} bytes; that is no manifest")
    try:
        found: Manifest = msgspec.json.decode(data, type=Manifest)
        if found.format != FORMAT:
            raise BadInput(f"{source} has format {found.format}; this version of enpire reads format {FORMAT}")
        root = root_of(found.judge)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise BadInput(f"{source} is not a manifest: {error}") from None
    if found.root != root:
        raise Damaged(f"{source}: its root does not follow from its lines; it was changed by hand")
    return found


def explain(stored: Path, now: Manifest, *, limit: int = 8) -> str:
    """Which files differ between a stored manifest and the present one, as the end of an error message."""
    try:
        changed = differences(read(stored).judge, now.judge)
    except BadInput:
        return f"which files differ is not known: there is no {stored.name} in this folder"
    more = f"; and {len(changed) - limit} more" if len(changed) > limit else ""
    shown = "; ".join(" ".join(line.split()) for line in changed[:limit])
    return shown + more if changed else "no file differs now: it was restored meanwhile"


def _rest_hash() -> str:
    judging = set(own_files().values())
    rest = [path for path in files_below(PACKAGE) if path not in judging]
    digest = hashlib.sha256()
    for path in rest:
        digest.update(f"{sha256_file(path)}  {path.relative_to(PACKAGE)}\n".encode())
    return digest.hexdigest()

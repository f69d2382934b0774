"""Episode records: one folder per episode, written once, hashed."""

import io
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import BadInput, Damaged
from enpire.core.files import sha256, sync_directory
from enpire.core.records import Episode, decode, encode

ARRAYS = "arrays.npz"
RECORD = "episode.json"


def pack(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Arrays as the bytes of an `.npz` file that `np.load(allow_pickle=False)` reads; equal arrays, equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    return buffer.getvalue()


def write_episode(folder: Path, episode: Episode, arrays: bytes) -> None:
    """Store one episode: after this returns, the whole folder is on disk; before that, none of it is visible.

    A folder left by a crash before its ledger row was written is replaced: it was never acknowledged.
    """
    temporary = folder.with_name(f".{folder.name}.tmp")
    for stale in (temporary, folder):
        if stale.exists():
            shutil.rmtree(stale)
    temporary.mkdir()
    for name, data in ((ARRAYS, arrays), (RECORD, encode(episode))):
        descriptor = os.open(temporary / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    sync_directory(temporary)
    temporary.rename(folder)
    sync_directory(folder.parent)


def seal(root: Path, episode: Episode, truth: dict[str, float]) -> None:
    """Add to the sealed log what really was at the end of an episode. Only studies of the judge read it.

    One line of JSON per episode in `sealed/<station>.jsonl`; an episode that a crash repeats has two, equal ones.
    """
    folder = root / "sealed"
    folder.mkdir(mode=0o700, exist_ok=True)
    line = {"ticket": episode.ticket, "seed": episode.seed, "result": episode.result, "truth": truth}
    with (folder / f"{episode.station}.jsonl").open("ab") as file:
        file.write(encode(line) + b"\n")


def read_arrays(root: Path, episode: Episode) -> dict[str, NDArray[Any]]:
    """Arrays of a recorded episode, checked against their hash.

    Raises:
        Damaged: The file is missing or its bytes changed.
    """
    path = root / episode.folder / ARRAYS
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Damaged(f"episode {episode.ticket}: cannot read {path}: {error.strerror}") from None
    if sha256(data) != episode.artefacts[ARRAYS]:
        raise Damaged(f"episode {episode.ticket}: {path} does not match its recorded hash")
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def read_record(root: Path, episode: Episode) -> Episode:
    """The record as it stands in the episode folder.

    Raises:
        Damaged: The file is missing or unreadable.
    """
    path = root / episode.folder / RECORD
    try:
        return decode(path.read_bytes(), Episode)
    except (OSError, BadInput) as error:
        raise Damaged(f"episode {episode.ticket}: cannot read {path}: {error}") from None

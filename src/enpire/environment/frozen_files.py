"""Frozen files on disk: their hashes, and whether they are still the same."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from enpire.core.errors import Damaged
from enpire.core.files import sha256, sha256_file, write_durably

_INSTALLER_NOTES = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}


class JudgeChanged(Damaged):
    """A file that judges is not the one that was frozen. Nothing was judged with it; what is recorded stays."""


def files_below(folder: Path) -> list[Path]:
    """All files of a source folder, sorted; compiled bytecode is left out."""
    return sorted(path for path, _ in _walk(folder) if path.suffix != ".pyc")


def folder_lines(site: Path, cache: Path) -> dict[str, str]:
    """One hash per top-level name of a `site-packages` folder, over all files below it.

    What the installer notes about itself and compiled bytecode are left out: equal installations give equal lines.

    Args:
        site: The folder.
        cache: File that keeps hashes by size, times and inode, so that the next call reads only what changed.
    """
    known, seen = _read_cache(cache), {}
    groups: dict[str, list[str]] = {}
    for path, status in _walk(site):
        signature = _signature(status)
        name = path.relative_to(site).as_posix()
        before = known.get(name)
        digest = before[1] if before is not None and before[0] == signature else sha256_file(path)
        seen[name] = (signature, digest)
        groups.setdefault(name.partition("/")[0], []).append(f"{digest}  {name}\n")
    if seen != known:
        try:
            write_durably(cache, json.dumps(seen).encode())
        except OSError:
            pass  # a cache on a read-only disk costs time, nothing else
    return {f"environment/{top}": sha256("".join(sorted(lines)).encode()) for top, lines in groups.items()}


def _read_cache(cache: Path) -> dict[str, tuple[str, str]]:
    try:
        return msgspec.json.decode(cache.read_bytes(), type=dict[str, tuple[str, str]])
    except (OSError, msgspec.MsgspecError):
        return {}


def _walk(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            if entry.name != "__pycache__":
                yield from _walk(Path(entry.path))
        elif entry.is_file() and not (folder.suffix == ".dist-info" and entry.name in _INSTALLER_NOTES):
            yield Path(entry.path), entry.stat()


class Watch:
    """Says cheaply whether files are still the frozen ones: one `stat` each; a file is read only if that changed.

    Args:
        files: Line name to file.
        judge: Line name to frozen hash.
    """

    def __init__(self, files: Mapping[str, Path], judge: Mapping[str, str]) -> None:
        self._watched = [(name, str(path), judge[name]) for name, path in files.items()]
        self._seen: dict[str, str] = {}

    def check(self) -> None:
        """Compare all files with the freeze.

        Raises:
            JudgeChanged: Names every file that differs or is gone.
        """
        changed = [name for name, path, digest in self._watched if not self._same(path, digest)]
        if changed:
            raise JudgeChanged(f"what judges has changed since this process started: {', '.join(changed)}")

    def _same(self, path: str, digest: str) -> bool:
        try:
            signature = _signature(os.stat(path))  # noqa: PTH116  faster than Path.stat, every episode
            if self._seen.get(path) == signature:
                return True
            if sha256_file(Path(path)) != digest:
                return False
        except OSError:
            return False
        self._seen[path] = signature
        return True


def _signature(status: os.stat_result) -> str:
    """Changes whenever a file is written, replaced or touched; the change time cannot be set back by a program."""
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"

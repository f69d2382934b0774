"""A disk on which a recorded run is replayed, and what is left of it when the power goes at any moment.

A file system promises little. What a file holds is safe from its fsync on. When names become safe differs:

| model | names: create, rename, link, unlink | data that was not synced |
|---|---|---|
| strict | with the fsync of their folder | lost |
| journal | with the next fsync of anything | lost |
| eager | at once | lost: a renamed file may be empty |
| scattered | at once | an arbitrary part of its sectors is there |

A real disk does one of these or something in between.
"""

import random
from dataclasses import dataclass, field
from pathlib import PurePath

MODELS = ("strict", "journal", "eager", "scattered")
SECTOR = 512


@dataclass
class File:
    """Contents as the running system sees them, and as they are on disk."""

    now: bytearray = field(default_factory=bytearray)
    safe: bytes = b""


@dataclass
class Folder:
    """Names as the running system sees them, and as they are on disk."""

    now: dict = field(default_factory=dict)
    safe: dict = field(default_factory=dict)


class Disk:
    """Replays records of the storage shim.

    Args:
        model: When names and data become safe.
        base: Folder that the run was recorded in.
        seed: For the model `scattered`.
    """

    def __init__(self, model, base, seed=0):
        self.model, self.base = model, PurePath(base)
        self.root = Folder()
        self.folders = [self.root]
        self.inodes = {}
        self.rng = random.Random(seed)

    def apply(self, record):
        """Carry out one record."""
        getattr(self, f"_{record.op}")(record)
        if self.model in ("eager", "scattered") or (self.model == "journal" and record.op == "sync"):
            for folder in self.folders:
                folder.safe = dict(folder.now)

    def _find(self, path):
        """The folder that holds the name, and the name."""
        *folders, name = PurePath(path).relative_to(self.base).parts
        found = self.root
        for part in folders:
            found = found.now[part]
        return found, name

    def _create(self, record):
        folder, name = self._find(record.path)
        folder.now[name] = self.inodes[record.inode] = File()

    def _mkdir(self, record):
        folder, name = self._find(record.path)
        folder.now[name] = made = Folder()
        self.folders.append(made)

    def _write(self, record):
        file = self.inodes[record.inode]
        _put(file.now, record.offset, record.data)
        if self.model == "scattered":
            safe = bytearray(file.safe)
            for start in range(0, len(record.data), SECTOR):
                if self.rng.random() < 0.5:
                    _put(safe, record.offset + start, record.data[start : start + SECTOR])
            file.safe = bytes(safe)

    def _truncate(self, record):
        file = self.inodes[record.inode]
        del file.now[record.offset :]

    def _sync(self, record):
        if record.path == str(self.base):
            self.root.safe = dict(self.root.now)
            return
        folder, name = self._find(record.path)
        found = folder.now.get(name)
        if isinstance(found, Folder):
            found.safe = dict(found.now)
        else:
            file = self.inodes[record.inode]
            file.now[:] = record.data
            file.safe = record.data

    def _rename(self, record):
        source, old = self._find(record.path)
        target, new = self._find(record.other)
        target.now[new] = source.now.pop(old)

    def _link(self, record):
        source, old = self._find(record.path)
        target, new = self._find(record.other)
        target.now[new] = source.now[old]

    def _unlink(self, record):
        folder, name = self._find(record.path)
        folder.now.pop(name, None)  # Git probes with names that the shim does not see made

    _rmdir = _unlink

    def _mark(self, record):
        pass

    def left(self):
        """Path to contents (None for a folder) of what survives a power cut now."""
        found, frontier = {}, [("", self.root)]
        while frontier:
            path, folder = frontier.pop()
            for name, entry in folder.safe.items():
                inside = f"{path}{name}"
                if isinstance(entry, Folder):
                    found[inside] = None
                    frontier.append((f"{inside}/", entry))
                else:
                    found[inside] = entry.safe
        return found


def _put(data, offset, piece):
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(piece)] = piece


def write_out(left, folder):
    """Make what is left real."""
    folder.mkdir(parents=True)
    for path, content in sorted(left.items()):
        if content is None:
            (folder / path).mkdir(exist_ok=True)
        else:
            (folder / path).write_bytes(content)

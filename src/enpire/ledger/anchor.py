"""The end of the ledger, noted beside it under the campaign's key, so that nobody can cut off its last rows unseen."""

import hashlib
import hmac
import os
from pathlib import Path
from typing import NamedTuple

import msgspec

from enpire.core.errors import BadInput, Damaged
from enpire.core.files import write_durably

SLOT_BYTES = 4096
"""Distance of the two notes in the file: no disk tears both in one write."""
NOTE_BYTES = 512
"""Size of a note: one sector, which a disk writes whole or not at all."""
SYNC_EVENTS = 256
"""Events after which the file is forced to disk; in between the kernel writes it when it likes."""


class Mark(NamedTuple):
    """A place in the ledger: how many events, and the chain hash of the last of them."""

    events: int
    chain: str


class _Note(msgspec.Struct, forbid_unknown_fields=True):
    events: int
    chain: str
    mac: str


START = Mark(0, "")


def anchor_file(ledger: Path) -> Path:
    """Where the anchor of a ledger lies."""
    return ledger.with_suffix(".anchor")


def read(path: Path, key: bytes) -> Mark | None:
    """The farthest place noted under this key; None without the file, or without any such note in it."""
    marks = [mark for mark in _slots(path, key) if mark is not None]
    return max(marks, default=None)


def write(path: Path, key: bytes, mark: Mark) -> None:
    """Make the file anew, both notes alike; it is on disk, whole, when this returns."""
    write_durably(path, _note(key, mark).ljust(SLOT_BYTES, b"\n") * 2)


class Anchor:
    """The supervisor's hand on the file. Moved after each commit, so it is never ahead of what is on disk.

    Two notes are written in turn, in place and without waiting for the disk. A note that was cut short by a crash
    leaves the other one, an append behind: rows beyond the anchor need no note, because their chain needs the key.

    Args:
        path: The file, which exists.
        key: Campaign key.

    Raises:
        OSError: The file cannot be written.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self._key = key
        slots = _slots(path, key)
        self._next = 1 if slots[0] is not None and slots[0] >= (slots[1] or START) else 0
        self._last = self._synced = max((mark for mark in slots if mark is not None), default=START)
        self._descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)

    def move(self, mark: Mark) -> None:
        """Note that the ledger now reaches this far, durably.

        Raises:
            OSError: The note could not be written; the one before still holds.
        """
        self._last = mark
        os.pwrite(self._descriptor, _note(self._key, mark), self._next * SLOT_BYTES)
        self._next = 1 - self._next
        if mark.events - self._synced.events >= SYNC_EVENTS:
            os.fdatasync(self._descriptor)
            self._synced = mark

    def close(self) -> None:
        """Make both notes alike and put them on disk; idempotent."""
        if self._descriptor < 0:
            return
        try:
            self.move(self._last)
            self.move(self._last)
            os.fdatasync(self._descriptor)
        finally:
            os.close(self._descriptor)
            self._descriptor = -1


def missing(ledger: Path, mark: Mark, events: int) -> Damaged:
    """The error for a ledger that ends before its anchor."""
    return Damaged(
        f"ledger {ledger} ends at event {events}, but its anchor says that there were {mark.events}: the last "
        f"{mark.events - events} are missing. Restore {ledger.name}, its -wal file and {anchor_file(ledger).name} from "
        f"the same backup, or accept the loss, on record, with `enpire anchor {ledger.parent}`"
    )


def replaced(ledger: Path, mark: Mark) -> Damaged:
    """The error for a ledger whose event at the anchor is another one."""
    return Damaged(f"ledger {ledger}: event {mark.events} is not the one that was anchored; restore it from a backup")


def absent(ledger: Path) -> Damaged:
    """The error for a ledger with events and without an anchor of this campaign."""
    return Damaged(
        f"ledger {ledger} has no anchor: {anchor_file(ledger).name} is not there or not of this campaign, so nobody "
        "can say whether the last events are missing. Restore it from a backup. If an older version made this folder, "
        f"or to accept what is there, on record: `enpire anchor {ledger.parent}`"
    )


def _note(key: bytes, mark: Mark) -> bytes:
    note = _Note(events=mark.events, chain=mark.chain, mac=_mac(key, mark))
    return msgspec.json.encode(note).ljust(NOTE_BYTES, b"\n")


def _mac(key: bytes, mark: Mark) -> str:
    return hmac.new(key, f"enpire ledger anchor|{mark.events}|{mark.chain}".encode(), hashlib.sha256).hexdigest()


def _slots(path: Path, key: bytes) -> list[Mark | None]:
    """What the two notes say; None for one that is not there, torn or not made with this key."""
    try:
        with path.open("rb") as file:
            data = file.read(2 * SLOT_BYTES)
    except FileNotFoundError:
        return [None, None]
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    found: list[Mark | None] = []
    for start in (0, SLOT_BYTES):
        try:
            note = msgspec.json.decode(data[start : start + NOTE_BYTES].strip(b"\n"), type=_Note)
            mark = Mark(note.events, note.chain)
            genuine = hmac.compare_digest(note.mac.encode(), _mac(key, mark).encode())
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            found.append(None)
            continue
        found.append(mark if genuine and mark.events >= 0 else None)
    return found

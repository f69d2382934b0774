"""The append-only event log: SQLite in WAL mode with full synchronisation, hash-chained row by row."""

import datetime
import hashlib
import hmac
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from enpire.core.clock import Clock
from enpire.core.errors import BadInput, Damaged
from enpire.ledger import anchor
from enpire.ledger.anchor import START, Anchor, Mark, anchor_file
from enpire.ledger.events import EpisodeRecorded, Event, EventBody, LedgerAccepted, TicketsPlanned

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, elapsed_s REAL NOT NULL, wall TEXT NOT NULL, body TEXT NOT NULL, chain TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS once (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""
_EVENTS_TABLE = "".join("".join(_SCHEMA.split(";")[0].split()).replace("IFNOTEXISTS", ""))
_decoder = msgspec.json.Decoder(EventBody)
_ROW = "SELECT seq, elapsed_s, wall, body, chain FROM events"
_Row = tuple[int, float, str, str, str]
_BROKEN = (sqlite3.Error, UnicodeError, MemoryError)
"""What SQLite raises on a damaged file; its words about it may hold the damage."""
_LARGEST_ROW_BYTES = 64 * 1024 * 1024


class Ledger:
    """Writer and reader of one campaign's log. One supervisor writes; any number of processes read.

    Args:
        path: Database file; created if absent when `key` is given.
        key: Campaign key that authenticates the chain; None opens read-only and checks nothing.
        clock: Source of elapsed time.

    Raises:
        Damaged: The file is no ledger, or (with the key) it ends before its anchor.
    """

    def __init__(self, path: Path, *, key: bytes | None, clock: Clock) -> None:
        if key is None and not path.is_file():
            raise BadInput(f"no ledger at {path}; expected a campaign folder made by `enpire run`")
        self.path = path
        self._key = key
        self._clock = clock
        self._anchor: Anchor | None = None
        try:
            self._db = _connect(path, writing=key is not None)
            self._seq, self._elapsed_s, self._chain = self._last() or (0, 0.0, "")
            if key is not None:
                self._anchor = self._anchored(key)
        except _BROKEN as error:
            raise _unreadable(path, error) from None
        except OSError as error:
            raise BadInput(
                f"cannot write {anchor_file(path)}: {error.strerror}; free the disk or fix permissions"
            ) from None
        self._origin_s = clock.now() - self._elapsed_s

    def _last(self) -> tuple[int, float, str] | None:
        row = self._db.execute(f"{_ROW} ORDER BY seq DESC LIMIT 1").fetchone()
        if row is None:
            return None
        seq, elapsed_s, _, _, chain = row
        if not (type(seq) is int and type(elapsed_s) is float and type(chain) is str):
            raise _unreadable(self.path, "its last row is not an event")
        return seq, elapsed_s, chain

    def _anchored(self, key: bytes) -> Anchor:
        """The anchor, if this ledger reaches it; a ledger without an event gets one."""
        file = anchor_file(self.path)
        mark = anchor.read(file, key)
        if mark is None and self._seq == 0:
            anchor.write(file, key, START)
        elif mark is None:
            raise anchor.absent(self.path)
        elif mark.events > self._seq:
            raise anchor.missing(self.path, mark, self._seq)
        elif mark.events > 0:
            row = self._db.execute("SELECT chain FROM events WHERE seq = ?", (mark.events,)).fetchone()
            if row is None or row[0] != mark.chain:
                raise anchor.replaced(self.path, mark)
        return Anchor(file, key)

    @property
    def elapsed_s(self) -> float:
        """Research wall-clock time so far, in seconds: time without a supervisor does not count."""
        return self._clock.now() - self._origin_s

    def append(self, *bodies: EventBody) -> list[Event]:
        """Store events in one transaction; they are durable when this returns.

        Raises:
            Damaged: An event would repeat one that may happen only once (a ticket's plan or result).
            BadInput: The disk is full or read-only, or an event could not be read again; nothing was stored.
        """
        texts = [_encoded(body) for body in bodies]
        wall = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        events, chain = [], self._chain
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for offset, (body, text) in enumerate(zip(bodies, texts, strict=True), start=1):
                event = Event(self._seq + offset, round(self.elapsed_s, 6), wall, body)
                chain = _link(self._key or b"", chain, (event.seq, event.elapsed_s, wall, text))
                self._db.executemany("INSERT INTO once VALUES (?)", [(key,) for key in _unique_keys(body)])
                row = (event.seq, event.elapsed_s, wall, text, chain)
                self._db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", row)
                events.append(event)
            self._db.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            self._roll_back()
            raise Damaged(
                f"the ledger refused a second result for the same ticket ({error}); two supervisors?"
            ) from None
        except sqlite3.OperationalError as error:
            self._roll_back()
            raise BadInput(
                f"cannot write the ledger {self.path}: {error}. Nothing was lost: free the disk or fix permissions, "
                f"then `enpire resume {self.path.parent}`"
            ) from None
        except _BROKEN as error:
            self._roll_back()
            raise _unreadable(self.path, error) from None
        self._seq, self._chain = events[-1].seq, chain
        self._move_anchor()
        return events

    def _roll_back(self) -> None:
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except _BROKEN:
            pass  # the file is damaged; what was begun is gone when it is opened again

    def _move_anchor(self) -> None:
        """After the commit, so that the anchor is never ahead; one that stays behind does no harm."""
        try:
            if self._anchor is not None:
                self._anchor.move(Mark(self._seq, self._chain))
        except OSError as error:
            logging.getLogger(__name__).warning("the ledger's anchor stays behind: %s", error)

    def read(self, after: int = 0) -> Iterator[Event]:
        """Events with `seq > after`, in order, as they stand there: nothing is checked with the key.

        Raises:
            Damaged: A row cannot be decoded, or one is missing in between.
        """
        expected = after
        for row in self._rows(after):
            expected += 1
            if row[0] != expected:
                raise Damaged(f"ledger {self.path}: event {expected} is missing")
            yield self._decoded(row)

    def verified(self, key: bytes) -> Iterator[Event]:
        """All events in order, each recomputed from the start of the chain with the campaign key before it is given.

        Raises:
            Damaged: A row was changed, removed or forged. That the last ones were cut off shows after the last one.
        """
        mark = anchor.read(anchor_file(self.path), key)  # before the rows: a living supervisor may add some meanwhile
        count = 0
        for count, row in enumerate(self._chained(key), start=1):
            if mark is not None and count == mark.events and row[4] != mark.chain:
                raise anchor.replaced(self.path, mark)
            yield self._decoded(row)
        if mark is None and count > 0:
            raise anchor.absent(self.path)
        if mark is not None and mark.events > count:
            raise anchor.missing(self.path, mark, count)

    def check(self, key: bytes) -> int:
        """Recompute the whole chain with the campaign key, and compare its end with the anchor.

        Returns:
            The number of events.

        Raises:
            Damaged: A row was changed, removed or forged, or the last ones were cut off.
        """
        return sum(1 for _ in self.verified(key))

    def _chained(self, key: bytes) -> Iterator[_Row]:
        chain = ""
        for count, row in enumerate(self._rows(0), start=1):
            chain = _link(key, chain, row[:4])
            if row[0] != count or not hmac.compare_digest(chain.encode(), str(row[4]).encode(errors="replace")):
                raise Damaged(f"ledger {self.path}: event {row[0]} does not match its chain hash")
            yield row

    def _rows(self, after: int) -> Iterator[_Row]:
        try:
            rows = self._db.execute(f"{_ROW} WHERE seq > ? ORDER BY seq", (after,))
            while (row := rows.fetchone()) is not None:
                yield row
        except _BROKEN as error:
            raise _unreadable(self.path, error) from None

    def _decoded(self, row: _Row) -> Event:
        seq, elapsed_s, wall, body, _ = row
        if not (type(elapsed_s) is float and type(wall) is str and type(body) is str):
            raise _unreadable(self.path, f"event {seq} is not one")
        try:
            return Event(seq, elapsed_s, wall, _decoder.decode(body))
        except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
            raise _unreadable(self.path, error) from None

    def close(self) -> None:
        """Close the database; the anchor is on disk then."""
        try:
            if self._anchor is not None:
                self._anchor.close()
        except OSError as error:
            logging.getLogger(__name__).warning("the ledger's anchor stays behind: %s", error)
        self._db.close()


def accept(path: Path, key: bytes, clock: Clock) -> LedgerAccepted | None:
    """Anchor a ledger where it ends now, and put on record in it that this was done.

    Args:
        path: Database file; its chain must hold.
        key: Campaign key.
        clock: Source of elapsed time.

    Returns:
        What was put on record; None if the ledger reaches its anchor, so that there was nothing to accept.

    Raises:
        Damaged: A row was changed, removed from the middle or forged.
    """
    reader, file = Ledger(path, key=None, clock=clock), anchor_file(path)
    mark = anchor.read(file, key)
    try:
        chains = ["", *(row[4] for row in reader._chained(key))]
    finally:
        reader.close()
    end = Mark(len(chains) - 1, chains[-1])
    if mark is not None and mark.events <= end.events and chains[mark.events] == mark.chain:
        return None
    body = LedgerAccepted(events=end.events, anchored=None if mark is None else mark.events)
    anchor.write(file, key, end)
    writer = Ledger(path, key=key, clock=clock)
    writer.append(body)
    writer.close()
    return body


def _connect(path: Path, *, writing: bool) -> sqlite3.Connection:
    """A connection to a file that need not be what it says it is."""
    target = str(path) if writing else f"{path.absolute().as_uri()}?mode=ro"
    db = sqlite3.connect(target, uri=not writing, isolation_level=None, timeout=10.0)
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_ROW_BYTES)
    db.execute("PRAGMA trusted_schema=OFF")
    db.execute("PRAGMA cell_size_check=ON")
    if writing:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA cache_size=-256")  # KiB: only the end is looked at, and the default grows to 2 MiB
        db.executescript(_SCHEMA)
    tables = db.execute("SELECT type, sql FROM sqlite_schema WHERE name = 'events'").fetchall()
    if [(kind, "".join(str(sql).split())) for kind, sql in tables] != [("table", _EVENTS_TABLE)]:
        raise sqlite3.DatabaseError("it has no table of events, or another one than enpire makes")
    return db


def _link(key: bytes, chain: str, row: tuple[int, float, str, str]) -> str:
    seq, elapsed_s, wall, text = row
    message = f"{chain}|{seq}|{elapsed_s!r}|{wall}|{text}".encode(errors="replace")
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def _encoded(body: EventBody) -> str:
    """JSON that is an event again. NaN and infinity have none, and would make the ledger unreadable for ever."""
    text = msgspec.json.encode(body)
    try:
        _decoder.decode(text)
    except msgspec.MsgspecError as error:
        raise BadInput(f"{type(body).__name__} cannot be stored: {error}; is a number not finite?") from None
    return text.decode()


def _unique_keys(body: EventBody) -> list[str]:
    if isinstance(body, TicketsPlanned):
        return [f"planned:{ticket.id}" for ticket in body.tickets]
    if isinstance(body, EpisodeRecorded):
        return [f"recorded:{body.episode.ticket}"]
    return []


def _unreadable(path: Path, error: object) -> Damaged:
    shown = "".join(c if c.isprintable() else "?" for c in str(error)[:300])  # it may quote the damage
    return Damaged(
        f"ledger {path} cannot be read: {shown}. Restore {path.name} (and its -wal file) from a backup; "
        "the episode folders beside it are untouched"
    )

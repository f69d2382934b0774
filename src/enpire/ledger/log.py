"""The append-only event log: SQLite in WAL mode with full synchronisation, hash-chained row by row."""

import datetime
import hashlib
import hmac
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from enpire.core.clock import Clock
from enpire.core.errors import BadInput, Damaged
from enpire.ledger.events import EpisodeRecorded, Event, EventBody, TicketsPlanned

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, elapsed_s REAL NOT NULL, wall TEXT NOT NULL, body TEXT NOT NULL, chain TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS once (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""
_decoder = msgspec.json.Decoder(EventBody)


class Ledger:
    """Writer and reader of one campaign's log. One supervisor writes; any number of processes read.

    Args:
        path: Database file; created if absent when `key` is given.
        key: Campaign key that authenticates the chain; None opens read-only and checks nothing.
        clock: Source of elapsed time.
    """

    def __init__(self, path: Path, *, key: bytes | None, clock: Clock) -> None:
        if key is None and not path.is_file():
            raise BadInput(f"no ledger at {path}; expected a campaign folder made by `enpire run`")
        self._key = key
        self._clock = clock
        try:
            target = f"file:{path}?mode=ro" if key is None else str(path)
            self._db = sqlite3.connect(target, uri=key is None, isolation_level=None, timeout=10.0)
            if key is not None:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=FULL")
                self._db.executescript(_SCHEMA)
            row = self._db.execute("SELECT seq, elapsed_s, chain FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        except sqlite3.DatabaseError as error:
            raise _unreadable(path, error) from None
        self.path = path
        last: tuple[int, float, str] = row or (0, 0.0, "")
        self._seq, self._elapsed_s, self._chain = last
        self._origin_s = clock.now() - self._elapsed_s

    @property
    def elapsed_s(self) -> float:
        """Research wall-clock time so far, in seconds: time without a supervisor does not count."""
        return self._clock.now() - self._origin_s

    def append(self, *bodies: EventBody) -> list[Event]:
        """Store events in one transaction; they are durable when this returns.

        Raises:
            Damaged: An event would repeat one that may happen only once (a ticket's plan or result).
            BadInput: The disk is full or read-only; nothing was stored.
        """
        wall = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        events, chain = [], self._chain
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for offset, body in enumerate(bodies, start=1):
                event = Event(self._seq + offset, round(self.elapsed_s, 6), wall, body)
                text = msgspec.json.encode(body).decode()
                chain = _link(self._key or b"", chain, event, text)
                self._db.executemany("INSERT INTO once VALUES (?)", [(key,) for key in _unique_keys(body)])
                row = (event.seq, event.elapsed_s, wall, text, chain)
                self._db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", row)
                events.append(event)
            self._db.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            self._db.execute("ROLLBACK")
            raise Damaged(
                f"the ledger refused a second result for the same ticket ({error}); two supervisors?"
            ) from None
        except sqlite3.OperationalError as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise BadInput(
                f"cannot write the ledger {self.path}: {error}. Nothing was lost: free the disk or fix permissions, "
                f"then `enpire resume {self.path.parent}`"
            ) from None
        self._seq, self._chain = events[-1].seq, chain
        return events

    def read(self, after: int = 0) -> Iterator[Event]:
        """Events with `seq > after`, in order.

        Raises:
            Damaged: A row cannot be decoded.
        """
        try:
            rows = self._db.execute(
                "SELECT seq, elapsed_s, wall, body FROM events WHERE seq > ? ORDER BY seq", (after,)
            )
            for seq, elapsed_s, wall, body in rows:
                yield Event(seq, elapsed_s, wall, _decoder.decode(body))
        except (sqlite3.DatabaseError, msgspec.DecodeError, msgspec.ValidationError) as error:
            raise _unreadable(self.path, error) from None

    def check(self, key: bytes) -> int:
        """Recompute the whole chain with the campaign key.

        Returns:
            The number of events.

        Raises:
            Damaged: A row was changed, removed or forged.
        """
        chain, expected = "", 1
        try:
            for seq, elapsed_s, wall, body, stored in self._db.execute("SELECT * FROM events ORDER BY seq"):
                chain = _link(key, chain, Event(seq, elapsed_s, wall, _decoder.decode(body)), body)
                if seq != expected or not hmac.compare_digest(chain, stored):
                    raise Damaged(f"ledger {self.path}: event {seq} does not match its chain hash")
                expected += 1
        except (sqlite3.DatabaseError, msgspec.DecodeError, msgspec.ValidationError) as error:
            raise _unreadable(self.path, error) from None
        return expected - 1

    def close(self) -> None:
        """Close the database."""
        self._db.close()


def _link(key: bytes, chain: str, event: Event, text: str) -> str:
    message = f"{chain}|{event.seq}|{event.elapsed_s!r}|{event.wall}|{text}".encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def _unique_keys(body: EventBody) -> list[str]:
    if isinstance(body, TicketsPlanned):
        return [f"planned:{ticket.id}" for ticket in body.tickets]
    if isinstance(body, EpisodeRecorded):
        return [f"recorded:{body.episode.ticket}"]
    return []


def _unreadable(path: Path, error: Exception) -> Damaged:
    return Damaged(
        f"ledger {path} cannot be read: {error}. Restore {path.name} (and its -wal file) from a backup; "
        "the episode folders beside it are untouched"
    )

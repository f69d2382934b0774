"""A damaged ledger: its pages, its write-ahead log and its anchor; flipped, cut, swapped and put back in time."""

import shutil
import sqlite3
import tempfile
from pathlib import Path
from types import TracebackType

from enpire.core import seeds
from enpire.core.clock import SystemClock, VirtualClock
from enpire.core.errors import BadInput, Damaged
from enpire.ledger import anchor
from enpire.ledger import events as e
from enpire.ledger.anchor import anchor_file
from enpire.ledger.log import Ledger
from enpire.ledger.state import fold
from enpire.metrics.summary import summary
from tests.fuzz.damage import damage_bytes, damage_pages
from tests.ledger.make import episode, idea, opened, ticket

KEY = b"k" * 32
NAMES = ("ledger.sqlite", "ledger.sqlite-wal", "ledger.anchor")
PAGE = 4096
EPISODES = 24


FORGERIES = [
    "DELETE FROM events WHERE seq >= :a",
    "DELETE FROM events WHERE seq = :a",
    "DELETE FROM events",
    "UPDATE events SET body = (SELECT body FROM events WHERE seq = :b) WHERE seq = :a",
    "UPDATE events SET (elapsed_s, wall, body, chain) = "
    "(SELECT elapsed_s, wall, body, chain FROM events WHERE seq = :b) WHERE seq = :a",
    "UPDATE events SET chain = (SELECT chain FROM events WHERE seq = :b) WHERE seq = :a",
    "UPDATE OR IGNORE events SET seq = :a WHERE seq = :b",
    "UPDATE events SET seq = -seq",
    "INSERT INTO events SELECT max(seq) + 1, elapsed_s, wall, body, chain FROM events",
    "INSERT INTO events SELECT (SELECT max(seq) + 1 FROM events), elapsed_s, wall, body, chain "
    "FROM events WHERE seq = :a",
    """UPDATE events SET body = replace(body, '"failure"', '"success"')""",
    """UPDATE events SET body = replace(body, '"progress":0.0', '"progress":1.0') WHERE seq = :a""",
    "UPDATE events SET elapsed_s = elapsed_s + 1 WHERE seq = :a",
    "UPDATE events SET wall = wall || 'x' WHERE seq = :a",
    "UPDATE events SET body = CAST(body AS BLOB) WHERE seq = :a",
    "UPDATE events SET body = body || ' ' WHERE seq = :a",
    "ALTER TABLE events RENAME TO other",
    "ALTER TABLE events ADD COLUMN more TEXT",
    "CREATE TABLE more AS SELECT * FROM events",
]


def bodies():
    """A small campaign, append by append: an idea, its race, a claim."""
    yield (opened(),)
    yield (e.SupervisorStarted(pid=1, boot_id="b"), e.StationUp(station="station-1", confinement="lsm"))
    yield (e.IdeaSubmitted(idea=idea(1)), e.StudyOpened(study="race-0001", kind="race", idea="0001", arms=("c1",)))
    yield (e.StudyOpened(study="claim-1", kind="claim", idea="0001", arms=("c1",), p0=0.5, alpha=0.05),)
    for number in range(1, EPISODES + 1):
        purpose, study = ("race", "race-0001") if number % 2 else ("claim", "claim-1")
        seed = seeds.seed(KEY, "search" if number % 2 else "claim", number)
        planned = ticket(number, "c1", purpose, study, seed)
        yield (e.TicketsPlanned(tickets=(planned,)), e.EpisodeStarted(ticket=number, station="station-1"))
        result = {"result": "success", "reason": "", "progress": 1.0, "steps": 50} if number % 3 else {}
        yield (e.EpisodeRecorded(episode=episode(number, "c1", purpose, study, seed=seed, **result)),)
    closed = e.StudyClosed(study="claim-1", accepted=True, reason="proven", log_e=5.0)
    yield (closed, e.SupervisorStopped(reason="", final=True))


class Pages:
    """Each case opens one damaged copy, with the key and without it, as a reader or as a supervisor that resumes."""

    def __enter__(self) -> "Pages":
        self._folder = Path(tempfile.mkdtemp(prefix="enpire-fuzz-"))
        path = self._folder / NAMES[0]
        clock = VirtualClock()
        ledger = Ledger(path, key=KEY, clock=clock)
        self._moments = []
        for count, body in enumerate(bodies()):
            clock.advance(1.25)
            ledger.append(*body)
            if count == 20:
                ledger._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # so that file and log both hold rows
            if count in (5, 20, 30, 40):
                self._moments.append(self._files())
        self._moments.append(self._files())  # the supervisor still lives
        self._true = list(ledger.read())
        ledger.close()
        self._moments.append(self._files())  # it has left in good order
        self._case = self._folder / "case"
        self._case.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder)

    def _files(self):
        return {name: (self._folder / name).read_bytes() for name in NAMES if (self._folder / name).exists()}

    def attack(self, rng):
        files = self._damaged(rng)
        for old in self._case.iterdir():
            old.unlink()
        for name, data in files.items():
            (self._case / name).write_bytes(data)
        path = self._case / NAMES[0]
        if rng.random() < 0.25:
            self._forge(path, rng)
        self._without_key(path)
        mark = anchor.read(anchor_file(path), KEY)
        try:
            events = self._resumed(path) if rng.random() < 0.2 else self._read(path)
        except (Damaged, BadInput) as error:
            assert str(error).isprintable()
            return "refused"
        assert events == self._true[: len(events)], "a changed event was accepted"
        assert mark is not None or not events, "a ledger without an anchor was accepted"
        assert mark is None or len(events) >= mark.events, "a cut below the anchor was accepted"
        fold(events)
        latest = files.get(NAMES[2]) in (self._moments[-1][NAMES[2]], self._moments[-2][NAMES[2]])
        assert not latest or len(events) == len(self._true), "cut off rows were accepted"
        return "whole" if len(events) == len(self._true) else "earlier state with its own anchor"

    def _damaged(self, rng):
        files = dict(rng.choice(self._moments[-2:]))
        if rng.random() < 0.25:  # a file from an earlier moment, or from each its own
            for name in rng.sample(NAMES, rng.choice((1, 1, 2, 3))):
                earlier = rng.choice(self._moments)
                files.pop(name, None)
                if name in earlier:
                    files[name] = earlier[name]
        if rng.random() < 0.1:
            files.pop(rng.choice(sorted(files)), None)
        for name in rng.sample(sorted(files), min(len(files), rng.choice((0, 1, 1, 1, 1, 2)))):
            if name == NAMES[2]:
                files[name] = damage_bytes(files[name], rng)
            elif name == NAMES[1]:
                files[name] = damage_pages(files[name], rng, PAGE + 24, 32)
            else:
                files[name] = damage_pages(files[name], rng, PAGE)
        return files

    def _forge(self, path, rng):
        """Somebody who knows SQL: rows deleted, copied, swapped, moved, made better; the triggers out of the way."""
        a, b = rng.sample(range(1, len(self._true) + 2), 2)
        db = sqlite3.connect(path, isolation_level=None)
        try:
            db.executescript("PRAGMA synchronous=OFF; DROP TRIGGER no_update; DROP TRIGGER no_delete")
            db.execute(rng.choice(FORGERIES), {"a": a, "b": b})
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            pass  # the file was damaged before
        finally:
            db.close()

    def _read(self, path):
        ledger = Ledger(path, key=None, clock=SystemClock())
        try:
            return list(ledger.verified(KEY))
        finally:
            ledger.close()

    def _resumed(self, path):
        """What `enpire resume` does: open, check, append."""
        ledger = Ledger(path, key=KEY, clock=SystemClock())
        try:
            ledger.check(KEY)
            events = list(ledger.read())
            ledger.append(e.SupervisorStarted(pid=2, boot_id="b"))
            assert ledger.check(KEY) == len(events) + 1
            return events
        finally:
            ledger.close()

    def _without_key(self, path):
        """Anything may be read, but it ends, and as a state or as one of our errors."""
        try:
            ledger = Ledger(path, key=None, clock=SystemClock())
        except (Damaged, BadInput):
            return
        try:
            summary(fold(ledger.read()))
        except Damaged as error:
            assert str(error).isprintable()
        finally:
            ledger.close()

"""The anchor: never ahead of the ledger, never gone unnoticed, and a way on for whoever restored a backup."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading

import pytest

from enpire.core.clock import SystemClock
from enpire.core.errors import BadInput, Damaged
from enpire.ledger import anchor
from enpire.ledger import events as e
from enpire.ledger.anchor import NOTE_BYTES, SLOT_BYTES, START, Anchor, Mark, anchor_file
from enpire.ledger.log import Ledger, accept
from enpire.ledger.state import fold
from tests.ledger.make import episode, idea, opened, ticket

KEY = b"k" * 32


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


def write(path, *ideas, key=KEY):
    ledger = Ledger(path, key=key, clock=SystemClock())
    if not ledger._seq:
        ledger.append(opened())
    for number in ideas:
        ledger.append(e.IdeaSubmitted(idea=idea(number)))
    return ledger


def cut(path, after):
    db = sqlite3.connect(path)
    db.executescript(f"DROP TRIGGER no_delete; DELETE FROM events WHERE seq > {after}")
    db.close()


def reached(path):
    mark = anchor.read(anchor_file(path), KEY)
    assert mark is not None
    return mark.events


def test_the_anchor_follows_every_append(path):
    ledger = write(path)
    for number in range(1, 6):
        ledger.append(e.IdeaSubmitted(idea=idea(number)))
        assert reached(path) == number + 1
    ledger.close()
    assert reached(path) == 6
    data = anchor_file(path).read_bytes()
    assert data[:NOTE_BYTES] == data[SLOT_BYTES : SLOT_BYTES + NOTE_BYTES]


def test_a_new_ledger_has_an_anchor_before_its_first_event(path):
    Ledger(path, key=KEY, clock=SystemClock())
    assert anchor.read(anchor_file(path), KEY) == START


def test_events_beyond_the_anchor_are_accepted(path):
    """What a power cut leaves: the commits are on disk, the notes about them are not."""
    write(path, 1).close()
    old = anchor_file(path).read_bytes()
    write(path, 2, 3).close()
    anchor_file(path).write_bytes(old)
    ledger = Ledger(path, key=KEY, clock=SystemClock())
    assert ledger.check(KEY) == 4
    ledger.append(e.IdeaSubmitted(idea=idea(4)))
    ledger.close()
    assert reached(path) == 5


@pytest.mark.parametrize("length", [0, 1, 60, 200, NOTE_BYTES, SLOT_BYTES - 1])
@pytest.mark.parametrize("slot", [0, 1])
def test_a_torn_note_leaves_the_other_one(path, slot, length):
    """A note that was cut short by a crash is no alarm, and the next notes mend it."""
    ledger = write(path, 1, 2)  # stays open: its last two notes differ
    torn = path.with_name("copy.sqlite")
    ledger._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(path, torn)
    data = bytearray(anchor_file(path).read_bytes())
    ledger.close()
    start = slot * SLOT_BYTES
    data[start + length : start + SLOT_BYTES] = bytes(SLOT_BYTES - length)
    anchor_file(torn).write_bytes(data)
    again = Ledger(torn, key=KEY, clock=SystemClock())
    assert again.check(KEY) == 3
    again.append(e.IdeaSubmitted(idea=idea(3)))
    again.close()
    assert reached(torn) == 4


def test_the_next_note_never_overwrites_the_newer_one(path):
    ledger = write(path, 1, 2, 3)
    for _ in range(3):  # a writer that is killed again and again, each time after one note
        again = Anchor(anchor_file(path), KEY)
        before = reached(path)
        again.move(Mark(before + 1, "c"))
        slots = anchor._slots(anchor_file(path), KEY)
        assert sorted(mark.events for mark in slots) == [before, before + 1]
        os.close(again._descriptor)
    ledger._db.close()


@pytest.fixture(scope="module")
def twelve(tmp_path_factory):
    """A closed ledger of twelve events."""
    path = tmp_path_factory.mktemp("twelve") / "ledger.sqlite"
    write(path, *range(1, 12)).close()
    return path


@pytest.mark.parametrize("after", range(12))
def test_a_cut_is_found_wherever_it_is(twelve, path, after):
    shutil.copy(twelve, path)
    shutil.copy(anchor_file(twelve), anchor_file(path))
    assert Ledger(path, key=None, clock=SystemClock()).check(KEY) == 12
    cut(path, after)
    with pytest.raises(Damaged, match=rf"ends at event {after}.*there were 12.*enpire anchor"):
        Ledger(path, key=None, clock=SystemClock()).check(KEY)
    with pytest.raises(Damaged, match="are missing"):
        Ledger(path, key=KEY, clock=SystemClock())


def test_nothing_is_appended_to_a_cut_ledger(path):
    write(path, 1, 2).close()
    cut(path, 2)
    before = anchor_file(path).read_bytes()
    with pytest.raises(Damaged):
        write(path, 3)
    assert anchor_file(path).read_bytes() == before


def test_an_anchor_of_another_key_is_none(path, tmp_path):
    write(path, 1).close()
    other = tmp_path / "other.sqlite"
    write(other, 1, key=b"o" * 32).close()
    shutil.copy(anchor_file(other), anchor_file(path))
    with pytest.raises(Damaged, match="has no anchor"):
        Ledger(path, key=None, clock=SystemClock()).check(KEY)


def test_an_anchor_of_another_ledger_with_the_same_key_is_found(path, tmp_path):
    """Two campaigns with the same `--seed` have the same key."""
    write(path, 1, 2).close()
    other = tmp_path / "other.sqlite"
    write(other, 3).close()
    shutil.copy(anchor_file(other), anchor_file(path))
    with pytest.raises(Damaged, match="not the one that was anchored"):
        Ledger(path, key=None, clock=SystemClock()).check(KEY)
    with pytest.raises(Damaged, match="not the one that was anchored"):
        Ledger(path, key=KEY, clock=SystemClock())


def test_a_folder_without_an_anchor_can_be_accepted_on_record(path):
    write(path, 1).close()
    anchor_file(path).unlink()
    assert accept(path, KEY, SystemClock()) == e.LedgerAccepted(events=2, anchored=None)
    ledger = Ledger(path, key=KEY, clock=SystemClock())
    assert ledger.check(KEY) == 3
    assert fold(ledger.read()).accepted == [e.LedgerAccepted(events=2)]
    ledger.close()
    assert accept(path, KEY, SystemClock()) is None


def test_a_loss_can_be_accepted_on_record(path):
    write(path, 1, 2, 3).close()
    cut(path, 2)
    assert accept(path, KEY, SystemClock()) == e.LedgerAccepted(events=2, anchored=4)
    ledger = Ledger(path, key=KEY, clock=SystemClock())
    assert [event.body for event in ledger.verified(KEY)][-1] == e.LedgerAccepted(events=2, anchored=4)


def test_forged_rows_cannot_be_accepted(path):
    write(path, 1, 2).close()
    anchor_file(path).unlink()
    db = sqlite3.connect(path)
    db.executescript("DROP TRIGGER no_update; UPDATE events SET elapsed_s = elapsed_s + 1 WHERE seq = 2")
    db.close()
    with pytest.raises(Damaged, match="chain hash"):
        accept(path, KEY, SystemClock())
    assert not anchor_file(path).exists()


def test_an_anchor_that_cannot_be_written_stops_nothing(path):
    """The rows are on disk; an anchor that stays behind raises no false alarm."""
    ledger = write(path, 1)
    read_only = os.open(anchor_file(path), os.O_RDONLY)
    os.dup2(read_only, ledger._anchor._descriptor)
    ledger.append(e.IdeaSubmitted(idea=idea(2)))
    ledger.close()
    os.close(read_only)
    assert Ledger(path, key=None, clock=SystemClock()).check(KEY) == 3


def test_an_anchor_that_is_a_link_is_not_written(path, tmp_path):
    """Whoever can place a link must not choose what the supervisor overwrites."""
    write(path, 1).close()
    elsewhere = tmp_path / "elsewhere"
    anchor_file(path).rename(elsewhere)
    anchor_file(path).symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    with pytest.raises(BadInput, match="cannot write"):
        Ledger(path, key=KEY, clock=SystemClock())
    assert elsewhere.read_bytes() == before


_WRITER = """
import sys
from pathlib import Path
from enpire.core.clock import SystemClock
from enpire.ledger import events as e
from enpire.ledger.log import Ledger
from tests.ledger.make import episode, opened, ticket
ledger = Ledger(Path(sys.argv[1]), key=b"k" * 32, clock=SystemClock())
ledger.check(b"k" * 32)
number = max([0, *(x.body.episode.ticket for x in ledger.read() if isinstance(x.body, e.EpisodeRecorded))])
print("ready", flush=True)
while True:
    number += 1
    ledger.append(e.TicketsPlanned(tickets=(ticket(number),)), e.EpisodeRecorded(episode=episode(number)))
    print(number, flush=True)
"""


def test_killed_writers_leave_an_anchor_that_holds(path):
    """Between commit and note, at the first note of a new file, anywhere: no false alarm, at most one append behind."""
    for count in (0, 1, 2, 5, 9, 30):
        with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
            for _, _ in zip(range(count), writer.stdout, strict=False):
                pass
            writer.kill()
        if path.exists() and anchor_file(path).exists():
            events = Ledger(path, key=None, clock=SystemClock()).check(KEY)
            assert events - 2 <= reached(path) <= events


def test_readers_beside_a_living_writer_see_no_damage(path):
    ledger, done, problems = write(path), threading.Event(), []

    def watch():
        reader = Ledger(path, key=None, clock=SystemClock())
        while not done.is_set():
            try:
                reader.check(KEY)
            except Damaged as error:
                problems.append(str(error))
        reader.close()

    threads = [threading.Thread(target=watch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(1, 120):
        ledger.append(e.TicketsPlanned(tickets=(ticket(number),)), e.EpisodeRecorded(episode=episode(number)))
    done.set()
    for thread in threads:
        thread.join()
    ledger.close()
    assert problems == []


def test_unverified_readers_meet_damage_as_one_clear_error(path):
    """Without the key rows may be anything; a campaign that cannot be is still no traceback."""
    write(path, 1).close()
    db = sqlite3.connect(path)
    db.executescript("DROP TRIGGER no_update; DROP TRIGGER no_delete")
    lost = '{"event":"EpisodeLost","ticket":7,"reason":""}'
    db.execute("UPDATE events SET body = ? WHERE seq = 2", (lost,))
    db.commit()
    with pytest.raises(Damaged, match="event 2 of the ledger does not follow"):
        fold(Ledger(path, key=None, clock=SystemClock()).read())
    db.execute("UPDATE events SET body = CAST(x'ff' AS TEXT), wall = 7 WHERE seq = 2")
    db.commit()
    with pytest.raises(Damaged, match="cannot be read"):
        list(Ledger(path, key=None, clock=SystemClock()).read())
    db.execute("UPDATE events SET body = ?, wall = '' WHERE seq = 2", (lost,))
    db.execute("DELETE FROM events WHERE seq = 1")
    db.commit()
    db.close()
    with pytest.raises(Damaged, match="event 1 is missing"):
        list(Ledger(path, key=None, clock=SystemClock()).read())

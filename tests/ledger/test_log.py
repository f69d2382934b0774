import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.core.clock import SystemClock, VirtualClock
from enpire.core.errors import BadInput, CampaignLocked, Damaged
from enpire.ledger import events as e
from enpire.ledger.folder import Folder, Lock
from enpire.ledger.log import Ledger
from enpire.ledger.state import fold
from tests.ledger.make import episode, idea, opened, ticket

KEY = b"k" * 32


def open_ledger(folder: Path) -> Ledger:
    return Ledger(folder / "ledger.sqlite", key=KEY, clock=SystemClock())


def test_what_is_appended_is_read_back(tmp_path):
    ledger = open_ledger(tmp_path)
    ledger.append(opened())
    ledger.append(e.IdeaSubmitted(idea=idea(1)), e.TicketsPlanned(tickets=(ticket(1),)))
    ledger.close()
    again = open_ledger(tmp_path)
    assert [event.seq for event in again.read()] == [1, 2, 3]
    assert again.check(KEY) == 3
    assert fold(again.read()).ideas["0001"].idea == idea(1)


def test_a_ticket_has_one_result_only(tmp_path):
    ledger = open_ledger(tmp_path)
    ledger.append(opened(), e.TicketsPlanned(tickets=(ticket(1),)), e.EpisodeRecorded(episode=episode(1)))
    with pytest.raises(Damaged, match="second result"):
        ledger.append(e.EpisodeRecorded(episode=episode(1)))
    with pytest.raises(Damaged, match="second result"):
        ledger.append(e.TicketsPlanned(tickets=(ticket(1),)))
    assert len(list(ledger.read())) == 3


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_could_not_be_read_again_is_not_stored(tmp_path, number):
    """JSON has no such numbers; one of them would make the whole campaign unreadable."""
    ledger = open_ledger(tmp_path)
    with pytest.raises(BadInput, match="EpisodeRecorded cannot be stored"):
        ledger.append(opened(), e.EpisodeRecorded(episode=episode(1, evidence={"return": number})))
    ledger.append(opened())
    assert ledger.check(KEY) == 1


def test_rows_cannot_be_changed_or_deleted(tmp_path):
    ledger = open_ledger(tmp_path)
    ledger.append(opened())
    ledger.close()
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    for statement in ("UPDATE events SET body = '{}'", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(statement)


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE events SET body = replace(body, '\"progress\":0.0', '\"progress\":1.0') WHERE seq = 3",
        "UPDATE events SET elapsed_s = elapsed_s + 1 WHERE seq = 2",
        "DELETE FROM events WHERE seq = 2",
    ],
)
def test_a_forged_ledger_is_noticed(tmp_path, forgery):
    ledger = open_ledger(tmp_path)
    ledger.append(opened(), e.TicketsPlanned(tickets=(ticket(1),)), e.EpisodeRecorded(episode=episode(1)))
    ledger.close()
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    db.executescript("DROP TRIGGER no_update; DROP TRIGGER no_delete")
    db.execute(forgery)
    db.commit()
    db.close()
    with pytest.raises(Damaged, match="chain hash"):
        open_ledger(tmp_path).check(KEY)


def test_time_without_a_supervisor_does_not_count(tmp_path):
    clock = VirtualClock()
    ledger = Ledger(tmp_path / "ledger.sqlite", key=KEY, clock=clock)
    clock.advance(10.0)
    ledger.append(opened())
    ledger.close()
    clock.advance(1000.0)
    ledger = Ledger(tmp_path / "ledger.sqlite", key=KEY, clock=clock)
    clock.advance(5.0)
    assert ledger.elapsed_s == pytest.approx(15.0)


@pytest.mark.parametrize("damage", [b"", b"not a database at all, sorry", None])
def test_a_damaged_file_is_one_clear_line(tmp_path, damage):
    ledger = open_ledger(tmp_path)
    ledger.append(opened(), *[e.IdeaSubmitted(idea=idea(i)) for i in range(1, 50)])
    ledger.close()
    path = tmp_path / "ledger.sqlite"
    data = path.read_bytes()
    path.write_bytes(data[:16384] + b"\xff" * (len(data) - 16384) if damage is None else damage)
    with pytest.raises((Damaged, BadInput), match=r"ledger"):
        reader = Ledger(path, key=None, clock=SystemClock())
        if not list(reader.read()):
            raise BadInput("ledger is empty")


def test_no_campaign_here(tmp_path):
    with pytest.raises(BadInput, match="expected a campaign folder"):
        Ledger(tmp_path / "ledger.sqlite", key=None, clock=SystemClock())


def test_a_second_supervisor_is_refused(tmp_path):
    folder = Folder(tmp_path / "campaign")
    folder.create(None)
    with Lock(folder), pytest.raises(CampaignLocked, match=rf"pid {os.getpid()}"), Lock(folder):
        pass
    with Lock(folder):
        pass


def test_a_campaign_folder_is_not_overwritten(tmp_path):
    folder = Folder(tmp_path)
    folder.create(1)
    open_ledger(tmp_path).close()
    with pytest.raises(BadInput, match="enpire resume"):
        folder.create(1)


def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="--out"):
        Folder(tmp_path / "file" / "campaign").create(None)


def test_the_key_is_private(tmp_path):
    folder = Folder(tmp_path)
    folder.create(None)
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    assert len(folder.key()) == 32


_WRITER = """
import sys
from pathlib import Path
from enpire.core.clock import SystemClock
from enpire.ledger import events as e
from enpire.ledger.log import Ledger
from tests.ledger.make import episode, ticket
ledger = Ledger(Path(sys.argv[1]), key=b"k" * 32, clock=SystemClock())
number = max([0, *(x.body.episode.ticket for x in ledger.read() if isinstance(x.body, e.EpisodeRecorded))])
while True:
    number += 1
    ledger.append(e.TicketsPlanned(tickets=(ticket(number),)), e.EpisodeRecorded(episode=episode(number)))
    print(number, flush=True)
"""


def test_killed_writers_lose_nothing_they_acknowledged(tmp_path):
    path, acknowledged = tmp_path / "ledger.sqlite", 0
    for _ in range(8):
        with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
            for _, line in zip(range(7), writer.stdout, strict=False):
                acknowledged = int(line)
            writer.kill()
        ledger = Ledger(path, key=KEY, clock=SystemClock())
        recorded = [x.body.episode.ticket for x in ledger.read() if isinstance(x.body, e.EpisodeRecorded)]
        ledger.check(KEY)
        ledger.close()
        assert recorded == list(range(1, len(recorded) + 1))
        assert len(recorded) >= acknowledged


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["success", "failure", "invalid"]), max_size=12), st.integers(0, 40))
def test_a_prefix_never_disagrees_with_the_whole(results, cut):
    bodies = [opened(), e.StudyOpened(study="race-0001", kind="race", idea="0001", arms=("c1",))]
    bodies.insert(1, e.IdeaSubmitted(idea=idea(1)))
    for number, result in enumerate(results, start=1):
        bodies.append(e.TicketsPlanned(tickets=(ticket(number, "c1"),)))
        bodies.append(e.EpisodeStarted(ticket=number, station="station-1"))
        bodies.append(e.EpisodeRecorded(episode=episode(number, "c1", result=result)))
    log = [e.Event(i, float(i), "", body) for i, body in enumerate(bodies, start=1)]
    whole, prefix = fold(log), fold(log[: max(1, cut)])
    assert prefix.counts()["started"] <= whole.counts()["started"]
    assert all(whole.episodes[t] == x for t, x in prefix.episodes.items())
    assert sum(whole.counts()[r] for r in ("success", "failure", "invalid")) == len(results)
    assert not whole.waiting and not whole.unfinished

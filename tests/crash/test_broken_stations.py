"""A station that cannot go on is replaced, and what it held is played again."""

import queue
import struct
import time

import pytest

from enpire.core.config import CampaignConfig
from enpire.core.records import Ticket
from enpire.ledger.folder import Folder
from enpire.ledger.state import fold
from enpire.rollout.fleet import INVALID_IN_A_ROW, Fleet, StationReport
from enpire.rollout.messages import Broken, Finished, Ready, Run
from tests.crash import shims
from tests.crash.injection import control_block
from tests.crash.invariants import read_events
from tests.crash.test_kills import enpire
from tests.ledger.make import episode

NAME = "station-1"
ENDED = StationReport(NAME, None)


@pytest.fixture
def fleet(tmp_path):
    """A fleet of one station, which is ready, and its inbox."""
    folder, inbox = Folder(tmp_path / "campaign"), queue.SimpleQueue()
    folder.create(seed=1)
    config = CampaignConfig(task="tests.rollout.toy:PointTask", stations=1, isolation="none")
    with Fleet(folder, config, inbox) as made:
        report = inbox.get(timeout=60)
        assert isinstance(report.report, Ready)
        made.hear(report)
        yield made, inbox


def test_a_station_that_says_it_is_broken_is_replaced(fleet):
    """It holds orders; unless it ends, nobody runs them and the campaign waits for ever."""
    made, inbox = fleet
    made.hear(StationReport(NAME, Broken("cannot write episode 1: No space left on device")))
    assert inbox.get(timeout=10) == ENDED
    made.hear(ENDED)
    assert made.alive == 1 and made.down == {}


def test_an_order_to_a_station_that_has_just_been_ended_does_not_cost_the_station(fleet):
    made, inbox = fleet
    for number in range(INVALID_IN_A_ROW):
        made.hear(StationReport(NAME, Finished(episode(number + 1, result="invalid", reason="environment"))))
    assert inbox.get(timeout=10) == ENDED
    ticket = Ticket(id=9, candidate="0" * 40, seed=1, purpose="filler", study="filler")
    made.order(NAME, Run(ticket))
    assert made.hear(ENDED) == [Run(ticket)]
    assert made.alive == 1 and made.down == {}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(shims.COMPILER is None, reason=shims.NO_COMPILER)
def test_one_failed_write_of_a_record_costs_one_episode_that_is_played_again(tmp_path):
    root, control = tmp_path / "campaign", tmp_path / "control"
    control.write_bytes(control_block(root / "episodes", at=23, kind="error once", error=5))
    preload = {"LD_PRELOAD": str(shims.build("storage", tmp_path)), "STORAGE_CONTROL": str(control)}
    small = ("--budget-episodes", "30", "--agents", "1", "--stations", "1", "--video", "none", "--seed", "3")
    process = enpire("run", "tests.rollout.toy:PointTask", *small, "--out", root, **preload)
    deadline = time.monotonic() + 120.0
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    waits = process.poll() is None
    process.kill()
    output, _ = process.communicate()
    assert not waits, "the campaign waits for an episode that nobody plays"
    assert process.returncode == 0 and "cannot write episode" in output, output
    assert struct.unpack_from("=4q", control.read_bytes())[2] > 23  # the fault was met
    state = fold(read_events(Folder(root)))
    assert set(state.started) == set(state.episodes)

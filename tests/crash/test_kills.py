"""kill -9 at random moments: nothing lost, nothing counted twice, nobody left behind."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from enpire.core.clock import SystemClock
from enpire.core.process import alive
from enpire.core.seeds import class_of
from enpire.ledger import events as e
from enpire.ledger.folder import Folder
from enpire.ledger.log import Ledger
from enpire.ledger.state import fold
from enpire.rollout.recorder import read_arrays, read_record

REPOSITORY = Path(__file__).parents[2]
RUN = [
    "run",
    "tests.rollout.toy:PointTask",
    "--budget-minutes",
    "30",
    "--seed",
    "1",
    "--agents",
    "2",
    "--stations",
    "2",
]


def enpire(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "enpire", *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def descendants(pid):
    """All processes below `pid`, from /proc."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, frontier = [], [pid]
    while frontier:
        frontier = [child for parent in frontier for child in children.get(parent, [])]
        found += frontier
    return found


def check_invariants(root):
    """What must hold at any moment, however the supervisor ended."""
    folder = Folder(root)
    ledger = Ledger(folder.ledger, key=None, clock=SystemClock())
    ledger.check(folder.key())
    events = list(ledger.read())
    ledger.close()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    state = fold(events)
    recorded = [x.body.episode.ticket for x in events if isinstance(x.body, e.EpisodeRecorded)]
    assert len(recorded) == len(set(recorded))
    assert set(recorded) <= set(state.started) <= set(state.tickets)
    for ticket in recorded:
        episode = state.episodes[ticket]
        assert read_record(root, episode) == episode  # acknowledged, so on disk
        read_arrays(root, episode)  # and whole
        assert episode.seed == state.tickets[ticket].seed
    used = [t.seed for t in state.tickets.values() if class_of(t.seed) != "search"]
    assert len(used) == len(set(used))
    return state


def kill_campaign(root, kills, rng, episodes):
    for number in range(kills):
        arguments = (
            ["resume", str(root)] if root.exists() else [*RUN, "--budget-episodes", str(episodes), "--out", str(root)]
        )
        process = enpire(*arguments)
        deadline = time.monotonic() + 60
        while not (root / "ledger.sqlite").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(rng.uniform(0.0, 4.0))
        if process.poll() is not None:
            assert process.returncode == 0, process.stdout.read()
            return number
        family = descendants(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(1.0)
        assert [pid for pid in family if alive(pid)] == []
        check_invariants(root)
    return kills


def finish(root, episodes):
    process = enpire("resume", str(root))
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0 or "has ended" in output, output
    state = check_invariants(root)
    assert state.stopped is not None and state.stopped.final
    assert len(state.started) <= episodes
    assert set(state.started) == set(state.episodes)
    return state


@pytest.mark.timeout(300)
def test_a_few_random_kills(tmp_path):
    root = tmp_path / "campaign"
    assert kill_campaign(root, 5, random.Random(1), 400) > 2
    finish(root, 400)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_hundred_random_kills(tmp_path):
    root = tmp_path / "campaign"
    assert kill_campaign(root, 100, random.Random(2), 8000) == 100
    finish(root, 8000)

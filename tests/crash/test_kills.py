"""kill -9 at random moments: nothing lost, nothing counted twice, nobody left behind."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.crash.invariants import check_invariants
from tests.crash.processes import descendants, family, survivors

__all__ = ["check_invariants", "descendants", "enpire", "finish"]

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


PATIENCE_S = 5.0
"""A machine in its leisure needs a tenth of a second; one with many more processes than cores needs longer."""


def enpire(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "enpire", *map(str, arguments)],
        cwd=REPOSITORY,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


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
        below = family(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert survivors(below, PATIENCE_S) == []
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
    assert kill_campaign(root, 3, random.Random(1), 400) == 3
    finish(root, 400)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_hundred_random_kills(tmp_path):
    root = tmp_path / "campaign"
    assert kill_campaign(root, 100, random.Random(2), 8000) == 100
    finish(root, 8000)

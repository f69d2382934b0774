"""The watchdog in its own process, around a robot that lives in real time and keeps a tape of its verbs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from enpire.core.errors import StationFault
from enpire.core.process import alive
from enpire.environment.safety.guard import Status
from enpire.environment.safety.watch import WatchLimits
from enpire.environment.safety.watchdog import WatchdogProcess

ROBOT = "enpire.robots.simple_sim:SimpleSim"
OFF = (float("inf"),) * 2
LIMITS = WatchLimits(
    low=(-2.0,) * 2, high=(2.0,) * 2, velocity=OFF, effort=OFF, tracking=OFF, hold_after_s=0.2, stop_after_s=1.0
)
"""Longer silences than the default: the machine that tests may be slower than the one that watches a robot."""
PATIENT = 20.0


def verbs(tape: Path) -> list[str]:
    return [line.split()[1] for line in tape.read_text().splitlines()]


def until(what: Callable[[], bool]) -> None:
    """Wait for something that must happen."""
    end = time.monotonic() + PATIENT
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def follow(dog: WatchdogProcess, wanted: Callable[[Status], bool], owner: int = 1) -> Status:
    """Send (0.5, 0.5) until a status is as wanted."""
    end = time.monotonic() + PATIENT
    while time.monotonic() < end:
        dog.send(np.array([0.5, 0.5]), owner)
        if wanted(status := dog.status()):
            return status
    raise AssertionError("no such status")


def test_targets_reach_the_robot_and_readings_come_back(tmp_path: Path) -> None:
    tape = tmp_path / "tape"
    with WatchdogProcess(ROBOT, {"joints": 2, "tape": str(tape)}, LIMITS) as dog:
        assert dog.status().order == "idle" and dog.pid != os.getpid()
        status = follow(dog, lambda s: min(s.position) > 0.49)
        assert status.order == "send" and status.owner == 1 and not status.stopped
    assert verbs(tape)[0] == "connect" and verbs(tape)[-2:] == ["stop", "disconnect"]
    assert not alive(dog.pid)


def test_silence_holds_then_stops_for_good(tmp_path: Path) -> None:
    tape = tmp_path / "tape"
    with WatchdogProcess(ROBOT, {"tape": str(tape)}, LIMITS) as dog:
        follow(dog, lambda s: s.order == "send")
        seen: list[str] = []
        until(lambda: bool(seen.append(dog.status().order)) or seen[-1] == "stop")
        assert "hold" in seen
        assert "gate is silent" in dog.status().stopped
        dog.send(np.zeros(2), 1)
        until(lambda: dog.status().refused > 0)
        assert dog.status().order == "stop"
    assert "send" not in verbs(tape)[verbs(tape).index("stop") :]


@pytest.mark.parametrize("press", ["message", "signal"])
def test_after_the_emergency_stop_nothing_is_commanded(tmp_path: Path, press: str) -> None:
    tape = tmp_path / "tape"
    with WatchdogProcess(ROBOT, {"tape": str(tape)}, LIMITS) as dog:
        follow(dog, lambda s: s.order == "send")
        if press == "message":
            dog.press("button")
        else:
            os.kill(dog.pid, signal.SIGUSR1)
        status = follow(dog, lambda s: bool(s.stopped) and s.refused > 3)
        assert status.order == "stop" and status.stopped in ("button", "signal SIGUSR1")
    assert "send" not in verbs(tape)[verbs(tape).index("stop") :]


def test_an_older_owner_is_refused(tmp_path: Path) -> None:
    with WatchdogProcess(ROBOT, {}, LIMITS) as dog:
        follow(dog, lambda s: s.owner == 7, owner=7)
        assert follow(dog, lambda s: s.refused > 2, owner=6).owner == 7


def test_the_robot_is_stopped_when_the_station_is_killed(tmp_path: Path) -> None:
    tape, note = tmp_path / "tape", tmp_path / "pid"
    station = (
        "import sys, time, numpy as np\n"
        "from pathlib import Path\n"
        "from tests.environment.safety.test_watchdog import LIMITS, ROBOT\n"
        "from enpire.environment.safety.watchdog import WatchdogProcess\n"
        "with WatchdogProcess(ROBOT, {'tape': sys.argv[1]}, LIMITS) as dog:\n"
        "    Path(sys.argv[2]).write_text(str(dog.pid))\n"
        "    while True:\n"
        "        dog.send(np.array([1.0, 1.0]), 1)\n"
        "        time.sleep(0.01)\n"
    )
    root = Path(__file__).parents[3]
    process = subprocess.Popen([sys.executable, "-c", station, str(tape), str(note)], cwd=root)
    try:
        until(lambda: tape.exists() and "send" in verbs(tape) and note.exists() and note.read_text() != "")
    finally:
        process.kill()
        process.wait()
    watchdog = int(note.read_text())
    until(lambda: not alive(watchdog))
    assert verbs(tape)[-2:] == ["stop", "disconnect"]


def test_a_killed_watchdog_is_a_station_fault(tmp_path: Path) -> None:
    with WatchdogProcess(ROBOT, {}, LIMITS) as dog:
        follow(dog, lambda s: s.order == "send")
        os.kill(dog.pid, signal.SIGKILL)
        until(lambda: not alive(dog.pid))
        with pytest.raises(StationFault):
            for _ in range(1000):
                dog.status()


def test_a_robot_that_does_not_exist_is_a_station_fault() -> None:
    with pytest.raises(StationFault, match="watchdog"):
        WatchdogProcess("enpire.robots.simple_sim:NoSuchArm", {}, LIMITS).__enter__()

"""One fault a minute: each function does its harm to a running campaign and returns a line about it.

A fault that finds nothing to harm returns an empty line, and another one is drawn.
"""

import os
import random
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.processes import family, look, roles, survivors

from enpire.core.errors import Damaged
from enpire.ledger.state import State
from enpire.rollout.recorder import ARRAYS, read_arrays

ROOM_BYTES = 2048
"""What a file may hold while the disk is `full`."""


@dataclass
class Stage:
    """The campaign under test.

    Attributes:
        root: Campaign folder.
        supervisor: Its process number.
        rng: Chooses faults and victims.
        breaks: What was seen that must not be.
        state: The latest state.
        clock_offset: File that the wall clock of the supervisor is moved by, in seconds; None without the shim.
        deadly: Whether the fault has ended the supervisor.
    """

    root: Path
    supervisor: int
    rng: random.Random
    state: State
    breaks: list[str] = field(default_factory=list)
    clock_offset: Path | None = None
    deadly: bool = False


def kill_supervisor(stage: Stage) -> str:
    """kill -9; nobody may be left after a second."""
    below = family(stage.supervisor)
    os.kill(stage.supervisor, signal.SIGKILL)
    _ends(stage, below, "it was killed")
    return f"kill -9 supervisor ({len(below)} processes below)"


def kill_gateway(stage: Stage) -> str:
    """kill -9 of the model gateway; the supervisor must stop in good order."""
    gateways = roles(stage.supervisor)["gateway"]
    if not gateways:
        return ""
    below = family(stage.supervisor)
    os.kill(gateways[0], signal.SIGKILL)
    _ends(stage, below, "its gateway was killed")
    return "kill -9 gateway"


def fill_disk_of_supervisor(stage: Stage) -> str:
    """No file of the supervisor may grow: the next ledger row fails, and it must stop with one clear line."""
    below = family(stage.supervisor)
    resource.prlimit(stage.supervisor, resource.RLIMIT_FSIZE, (ROOM_BYTES, resource.RLIM_INFINITY))
    _ends(stage, below, "its disk was full")
    return "disk full for supervisor"


def kill_station(stage: Stage) -> str:
    """kill -9 of a station; its zygote and workers must follow, and another one takes over."""
    return _kill(stage, "station")


def kill_zygote(stage: Stage) -> str:
    """kill -9 of the process that forks policies."""
    return _kill(stage, "zygote")


def kill_worker(stage: Stage) -> str:
    """kill -9 of a policy in mid-episode."""
    return _kill(stage, "worker")


def stop_station(stage: Stage) -> str:
    """SIGSTOP of a station for seconds."""
    return _stop(stage, "station")


def stop_zygote(stage: Stage) -> str:
    """SIGSTOP of a zygote for seconds."""
    return _stop(stage, "zygote")


def stop_worker(stage: Stage) -> str:
    """SIGSTOP of a policy for seconds: it misses its deadlines."""
    return _stop(stage, "worker")


def stop_gateway(stage: Stage) -> str:
    """SIGSTOP of the model gateway for seconds."""
    return _stop(stage, "gateway")


def stop_supervisor(stage: Stage) -> str:
    """SIGSTOP of the supervisor for seconds."""
    return _stop(stage, "supervisor")


def fill_disk_of_station(stage: Stage) -> str:
    """No file of the station may grow for a while: its record cannot be written."""
    stations = roles(stage.supervisor)["station"]
    if not stations:
        return ""
    _, hard = resource.prlimit(stations[0], resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
    seconds = stage.rng.uniform(3.0, 8.0)
    time.sleep(seconds)
    if look(stations[0]) is not None:
        resource.prlimit(stations[0], resource.RLIMIT_FSIZE, (hard, hard))
    return f"disk full for station, {seconds:.1f} s"


def damage_artefact(stage: Stage) -> str:
    """Flip one bit of a recorded episode: its hash must tell. Mended afterwards."""
    if not stage.state.episodes:
        return ""
    ticket = stage.rng.choice(list(stage.state.episodes))
    episode = stage.state.episodes[ticket]
    path = stage.root / episode.folder / ARRAYS
    whole = path.read_bytes()
    position = stage.rng.randrange(8 * len(whole))
    broken = bytearray(whole)
    broken[position // 8] ^= 1 << position % 8
    _overwrite(path, bytes(broken))
    try:
        read_arrays(stage.root, episode)
    except Damaged:
        pass
    else:
        stage.breaks.append(f"a flipped bit in episode {ticket} was not found")
    finally:
        _overwrite(path, whole)
    return f"one bit of episode {ticket} flipped"


def take_lease(stage: Stage) -> str:
    """A second supervisor: it must be refused, and the first one must not notice."""
    command = [sys.executable, "-m", "enpire", "resume", str(stage.root)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if second.returncode == 0 or "another supervisor" not in second.stdout + second.stderr:
        stage.breaks.append(f"a second supervisor was not refused: {second.stdout[-200:]}{second.stderr[-200:]}")
    return "a second supervisor, refused"


def jump_clock(stage: Stage) -> str:
    """Move the wall clock of the supervisor and all below by up to an hour, either way."""
    if stage.clock_offset is None:
        return ""
    offset_s = stage.rng.choice([-3600, -61, 61, 3600])
    _overwrite(stage.clock_offset, offset_s.to_bytes(8, sys.byteorder, signed=True))
    return f"wall clock {offset_s:+d} s"


DEADLY = (kill_supervisor, kill_gateway, fill_disk_of_supervisor)
"""Faults that end the supervisor; it is resumed."""
SURVIVED = (
    kill_station,
    kill_zygote,
    kill_worker,
    stop_station,
    stop_zygote,
    stop_worker,
    stop_gateway,
    stop_supervisor,
    fill_disk_of_station,
    damage_artefact,
    take_lease,
    jump_clock,
)
"""Faults that the supervisor must live through."""


def _kill(stage: Stage, role: str) -> str:
    victims = roles(stage.supervisor)[role]
    if not victims:
        return ""
    victim = stage.rng.choice(victims)
    below = family(victim)
    os.kill(victim, signal.SIGKILL)
    _nobody_left(stage, below, f"a {role}")
    return f"kill -9 {role}"


def _stop(stage: Stage, role: str) -> str:
    victims = roles(stage.supervisor)[role]
    if not victims:
        return ""
    seconds = stage.rng.uniform(1.0, 8.0)
    victim = look(victims[-1])
    if victim is None:
        return ""
    os.kill(victim.pid, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        if (now := look(victim.pid)) is not None and now.started == victim.started:
            os.kill(victim.pid, signal.SIGCONT)
    return f"SIGSTOP {role}, {seconds:.1f} s"


def _ends(stage: Stage, below: list, why: str) -> None:
    """Wait until the supervisor has ended by itself, and see that nobody is left."""
    deadline = time.monotonic() + 60.0
    while (now := look(stage.supervisor)) is not None and now.state != "Z":
        if time.monotonic() > deadline:
            stage.breaks.append(f"the supervisor went on although {why}")
            os.kill(stage.supervisor, signal.SIGKILL)
        time.sleep(0.02)
    _nobody_left(stage, below, "the supervisor")


def _nobody_left(stage: Stage, below: list, whose: str) -> None:
    if left := survivors(below):
        stage.breaks.append(f"{len(left)} orphans a second after {whose} ended")


def _overwrite(path: Path, data: bytes) -> None:
    """Change the bytes of a file in place, whatever its mode."""
    mode = path.stat().st_mode
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(data)
    path.chmod(mode)

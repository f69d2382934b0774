"""Does the confinement hold on this machine? A worker without a policy really tries to break out."""

import os
import socket
import tempfile
from pathlib import Path

from enpire.core.confinement.selftest import Table
from enpire.core.errors import MissingProgram, StationFault
from enpire.core.records import Json, decode
from enpire.rollout.worker.client import start
from enpire.rollout.worker.inside.protocol import LOG_BYTES
from enpire.rollout.worker.memory import SharedMemory
from enpire.rollout.worker.zygote import Ended, Zygote

TIMEOUT_S = 60.0
OPEN_WITHOUT_NAMESPACES = {"see file metadata outside"}
"""Attempts that Landlock and seccomp do not stop: names, sizes and times of files must hold no secret."""
ADVICE = {
    "namespaces": "use level 'lsm'",
    "lsm": "Landlock (Linux 5.13 or newer, in the kernel's lsm= list) and seccomp are needed; or use level 'none'",
    "none": "check the Python installation",
}


def run(zygote: Zygote, candidates: Path, memory_bytes: int) -> Table:
    """Make all attempts inside one worker of this zygote.

    Raises:
        StationFault: The worker did not finish its attempts.
    """
    with (
        tempfile.TemporaryDirectory(prefix="enpire-probe-") as folder,
        tempfile.TemporaryFile() as log,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        victim = Path(folder) / "victim"
        victim.write_text("secret")
        listener.bind(f"\0{folder}")
        listener.listen()
        probe = {
            "victim": str(victim),
            "candidates": str(candidates),
            "harness": str(Path(__file__).resolve()),
            "writable": [tempfile.gettempdir(), "/dev/shm", "/var/tmp", str(Path.home())],
            "listener": folder,
        }
        ended = _run_worker(zygote, {"candidate": None, "memory_bytes": memory_bytes, "probe": probe}, log.fileno())
        text = os.pread(log.fileno(), LOG_BYTES, 0)
    if ended is None or ended.exit_code != 0:
        raise StationFault(f"the probe worker failed: {text.decode(errors='replace')[-500:].strip()}")
    return decode(text, Table)


def _run_worker(zygote: Zygote, configuration: Json, log: int) -> Ended | None:
    """Fork a worker that loads no policy, and wait until it hangs up."""
    memory = SharedMemory({}, configuration)
    number, control = start(zygote, memory, log)
    with control:
        control.settimeout(TIMEOUT_S)
        try:
            control.recv(1)
        except OSError:
            pass
    memory.close()
    return zygote.reap(number)


def require(zygote: Zygote, level: str, candidates: Path, memory_bytes: int) -> None:
    """Check that a level holds.

    Raises:
        MissingProgram: It does not; the message says what was open and what to do.
    """
    try:
        table = run(zygote, candidates, memory_bytes)
    except StationFault as error:
        raise MissingProgram(f"confinement level {level!r} does not work here ({error}); {ADVICE[level]}") from None
    table.require(level, tolerated=OPEN_WITHOUT_NAMESPACES if level == "lsm" else (), advice=ADVICE[level])

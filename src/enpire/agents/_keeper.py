"""Keeper of one session: starts the agent, caps its output and leaves no process behind.

A plain script, run with `python -I -S`, that imports nothing of the package. It stands between the supervisor and the
agent because coding agents start shells in sessions of their own, out of reach of a process group:

- orphans of the agent become children of the keeper, and the keeper kills all of them before it ends;
- SIGINT is passed on to the agent, SIGTERM kills the agent and all its descendants;
- when the supervisor dies the kernel sends SIGTERM, when the keeper dies it sends SIGKILL to the agent.

Usage: `_keeper.py SUPERVISOR_PID STDOUT_FILE STDERR_FILE CAP_BYTES COMMAND...`
"""

import contextlib
import ctypes
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import IO

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_NICE = 10
_LOOK_S = 0.2
"""How often the keeper looks for the end of an agent whose orphans still hold its pipes."""


def main(argv: list[str]) -> int:
    """Keep one session; returns the agent's exit status, 128 + n after signal n."""
    supervisor, out, err, cap, *command = argv
    libc = ctypes.CDLL(None)

    def die_with_keeper() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # Thinking must not slow a station down: an idle-class task gives way at once, a nice one only after its slice.
        with contextlib.suppress(AttributeError, OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))

    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    if os.getppid() != int(supervisor):  # it died before the kernel was told to tell us
        return 1
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGTERM, _kill_and_leave)
    try:
        agent = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
            preexec_fn=die_with_keeper,
        )
    except OSError as error:
        Path(err).write_text(f"cannot start {command[0]}: {error.strerror}\n")
        return 127
    signal.signal(signal.SIGINT, lambda *_: _interrupt(agent.pid))
    _pump(agent, Path(out), Path(err), int(cap))
    status = agent.wait()
    kill_descendants()
    return status if status >= 0 else 128 - status


def _pump(agent: "subprocess.Popen[bytes]", out: Path, err: Path, cap: int) -> None:
    """Copy both streams to files, `cap` bytes each; what comes later is read and dropped."""
    with out.open("wb") as out_file, err.open("wb") as err_file, selectors.DefaultSelector() as selector:
        room: dict[int, int] = {}
        for stream, file in ((agent.stdout, out_file), (agent.stderr, err_file)):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ, file)
            room[stream.fileno()] = cap
        while selector.get_map():
            ended = agent.poll() is not None
            ready = selector.select(timeout=0 if ended else _LOOK_S)
            for key, _ in ready:
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    selector.unregister(key.fileobj)
                    continue
                _store(key.data, chunk[: room[key.fd]])
                room[key.fd] -= min(len(chunk), room[key.fd])
            if ended and not ready:
                return


def _store(file: IO[bytes], chunk: bytes) -> None:
    file.write(chunk)
    file.flush()


def _interrupt(pid: int) -> None:
    """SIGINT to the agent's process group, as a terminal would send it."""
    try:
        os.killpg(pid, signal.SIGINT)
    except ProcessLookupError:
        pass


def _kill_and_leave(number: int, frame: FrameType | None) -> None:
    kill_descendants()
    os._exit(128 + signal.SIGKILL)


def kill_descendants(patience_s: float = 5.0) -> None:
    """Kill and reap every descendant of this process, until none is left."""
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        family = descendants(os.getpid())
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def descendants(root: int) -> list[int]:
    """All living descendants of a process, from the kernel's process table."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended while we looked
            continue
        children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, frontier = [], [root]
    while frontier:
        frontier = [child for pid in frontier for child in children.get(pid, [])]
        found.extend(frontier)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

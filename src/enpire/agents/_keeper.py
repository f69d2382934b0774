"""Keeper of one session: starts the agent, caps its output and leaves no process behind.

A plain script, run with `python -I -S`, that imports nothing of the package. It stands between the supervisor and the
agent because coding agents start shells in sessions of their own, out of reach of a process group:

- orphans of the agent become children of the keeper, and the keeper kills all of them before it ends;
- SIGINT is passed on to the agent, SIGTERM kills the agent and all its descendants, and then the keeper;
- when the supervisor dies the kernel sends SIGTERM, when the keeper dies it sends SIGKILL to the agent;
- when the supervisor is dead, the keeper goes as soon as none of them can act any more. They may still be dying: an
  idle process waits for a processor even for that. The superuser may lift their priority, and then they do not.

Usage: `_keeper.py SUPERVISOR_PID CAP_BYTES COMMAND...`; its own stdout and stderr are the files to fill.
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

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_NICE, _SESSION_NICE = 10, 5
"""Of processes, and of sessions: where the kernel shares processors out by session, classes count inside one only."""
_LOWER_S = 1.0
"""Between two looks for descendants that opened a session of their own, as the shells of coding agents do."""
_LOOK_S = 0.2
"""How often the keeper looks for the end of an agent whose orphans still hold its pipes."""
_PAUSE_S = 0.001
"""Between two readings of the pipes: the keeper is not nice, and no agent may keep it busy."""
_SIGKILL_BIT = 1 << (signal.SIGKILL - 1)
_PF_EXITING = 0x4


def main(argv: list[str]) -> int:
    """Keep one session; returns the agent's exit status, 128 + n after signal n. Dies by SIGTERM if it was sent one."""
    supervisor, cap, *command = argv
    libc = ctypes.CDLL(None)
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)
        if os.getppid() != int(supervisor) or condemned(int(supervisor)):
            make_harmless()
            os.kill(os.getpid(), signal.SIGKILL)
        kill_descendants()

    def die_with_keeper() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.nice(_NICE)
        # Thinking must not slow a station down: an idle-class task gives way at once, a nice one only after its slice.
        with contextlib.suppress(AttributeError, OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        _weigh(os.getpid(), _SESSION_NICE)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    if os.getppid() != int(supervisor):  # it died before the kernel was told to tell us
        return 1
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        agent = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=die_with_keeper,
        )
    except OSError as error:
        os.write(2, f"cannot start {command[0]}: {error.strerror}\n".encode(errors="replace"))
        return 127
    signal.signal(signal.SIGINT, lambda *_: _interrupt(agent.pid))
    if stopped:  # before there was an agent
        kill_descendants()
    _pump(agent, int(cap))
    status = agent.wait()
    kill_descendants()
    if stopped:  # the supervisor tells this end from any that the agent can choose
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
    return status if status >= 0 else 128 - status


def _pump(agent: "subprocess.Popen[bytes]", cap: int) -> None:
    """Copy both streams to files until the agent has ended; its orphans end with it, what they printed is kept."""
    with selectors.DefaultSelector() as selector:
        for stream, file in ((agent.stdout, 1), (agent.stderr, 2)):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ, CappedFile(file, cap))
        alone, lowered_s = False, 0.0
        while selector.get_map():
            if time.monotonic() > lowered_s + _LOWER_S:
                for pid in descendants(os.getpid()):
                    _weigh(pid, _SESSION_NICE)
                lowered_s = time.monotonic()
            if not alone and agent.poll() is not None:
                kill_descendants()
                alone = True
            ready = selector.select(timeout=0 if alone else _LOOK_S)
            for key, _ in ready:
                chunk = os.read(key.fd, 1 << 16)
                if chunk:
                    key.data.write(chunk)
                else:
                    selector.unregister(key.fileobj)
            if alone and not ready:
                return
            time.sleep(_PAUSE_S)


class CappedFile:
    """A file of at most `cap` bytes. Its first half stays; once full, its second half begins again at a line's start.

    So the end of a long output is there as well as its beginning. What does not fit is dropped, never waited for.
    """

    def __init__(self, descriptor: int, cap: int) -> None:
        self._descriptor, self._cap = descriptor, cap
        self._size = 0

    def write(self, chunk: bytes) -> None:
        """Append, or begin the second half again after the first newline in `chunk`."""
        with contextlib.suppress(OSError):  # a full disk must not stop the agent
            if len(chunk) > self._cap - self._size and b"\n" in chunk:
                chunk = b"\n" + chunk.partition(b"\n")[2]
                self._size = self._cap // 2
                os.ftruncate(self._descriptor, self._size)
            self._size += os.write(self._descriptor, chunk[: self._cap - self._size])


def _interrupt(pid: int) -> None:
    """SIGINT to the agent's process group, as a terminal would send it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGINT)


def kill_descendants(patience_s: float = 5.0) -> None:
    """Kill and reap every descendant of this process, until none is left."""
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        for pid in descendants(os.getpid()):
            _kill(pid)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def make_harmless(patience_s: float = 30.0) -> None:
    """Kill every descendant of this process, until none can run an instruction of its own or make another."""
    deadline_s, clean = time.monotonic() + patience_s, 0
    while clean < 2 and time.monotonic() < deadline_s:  # one that is handed on to us while we look may be missed once
        family = descendants(os.getpid())
        clean = clean + 1 if all(map(condemned, family)) else 0
        for pid in family:  # also those that die already
            _kill(pid)


def _weigh(pid: int, nice: int) -> None:
    """Set the weight of a process's session, where sessions have one (`sched_autogroup_enabled`)."""
    with contextlib.suppress(OSError):
        file = Path(f"/proc/{pid}/autogroup")
        if int(file.read_text().split()[-1]) != nice:
            file.write_text(str(nice))


def _kill(pid: int) -> None:
    """Kill a process and let it die at normal priority, where that is allowed."""
    _weigh(pid, 0)
    threads = []
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)
        threads = [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
    for thread in threads:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
            os.setpriority(os.PRIO_PROCESS, thread, 0)


def condemned(pid: int) -> bool:
    """Whether every thread of a process has SIGKILL pending, is dying or is dead: it runs no instruction any more."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return True
    return all(map(_is_dying, threads))


def _is_dying(thread: Path) -> bool:
    try:
        fields = (thread / "stat").read_text().rpartition(")")[2].split()
        lines = (thread / "status").read_text().splitlines()
    except OSError:
        return True
    pending = [int(line.split()[1], 16) for line in lines if line.startswith(("SigPnd:", "ShdPnd:"))]
    return fields[0] in "ZX" or bool(int(fields[6]) & _PF_EXITING) or any(p & _SIGKILL_BIT for p in pending)


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

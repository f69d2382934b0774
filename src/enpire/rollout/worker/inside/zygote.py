"""The zygote: one process per station that imports NumPy once and forks a worker per episode.

It never loads policy code. It reads commands from a socket, forks, and answers REAP with how the worker ended. It
handles no SIGCHLD: a worker that ended stays a zombie until it is reaped, so nobody else can get its process number.
Start it from the station's main thread: the death signal follows the thread that started a process, not the process.
"""

import array
import gc
import importlib
import json
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from typing import Any

from . import confine, episode, probes
from .protocol import ALONE, COMMAND, CONFINED_FD, CONTROL_FD, ENDED, EXIT_REFUSED, MEMORY_FD, READY, REAP, SPAWN

PASSED_DESCRIPTORS = 3
"""With SPAWN: the worker's control socket, the shared memory (read-only), the log."""


@dataclass
class Child:
    """A forked worker: its process and the pipe on which it says, before any policy code, that it is confined."""

    pid: int
    confined: int


@dataclass
class Zygote:
    """State of the loop.

    Attributes:
        station: Socket to the station.
        settings: `level`, `readable`, `listable`, `preload`, `parent`.
    """

    station: socket.socket
    settings: dict[str, Any]
    children: dict[int, Child] = field(default_factory=dict)
    alone: int = 0

    def serve(self) -> None:
        """Obey commands until the station closes its end."""
        self.station.send(READY)
        while True:
            message, descriptors = _receive(self.station)
            if not message:
                break
            kind, worker, offset, length = COMMAND.unpack(message)
            if kind == SPAWN:
                self.spawn(worker, (offset, length), descriptors)
            elif kind == REAP:
                self.station.send(self.reap(worker))
            elif kind == ALONE:
                self.stop_others(worker)
            for descriptor in descriptors:
                os.close(descriptor)
        for worker in list(self.children):
            self.reap(worker)

    def spawn(self, worker: int, configuration: tuple[int, int], descriptors: list[int]) -> None:
        """Fork a worker. The child never returns from here."""
        parent = os.getpid()
        confined, tell_confined = os.pipe()
        pid = os.fork()
        if pid == 0:
            _run_child(parent, configuration, [*descriptors, tell_confined], self.settings)
        os.close(tell_confined)
        self.children[worker] = Child(pid, confined)

    def stop_others(self, worker: int) -> None:
        """Let only this worker run until it is reaped: one that is prepared could spin and slow it down."""
        self.alone = worker
        for number, child in self.children.items():
            os.kill(child.pid, signal.SIGCONT if number == worker else signal.SIGSTOP)

    def reap(self, worker: int) -> bytes:
        """Kill a worker with its process group if it still lives, wait for it, and say how it ended."""
        if worker == self.alone:
            self.alone = 0
            for other in self.children.values():
                os.kill(other.pid, signal.SIGCONT)
        child = self.children.pop(worker, None)
        if child is None:
            return ENDED.pack(worker, EXIT_REFUSED, 0.0, False)
        for kill in (os.kill, os.killpg):
            try:
                kill(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        _, status, usage = os.wait4(child.pid, 0)
        was_confined = os.read(child.confined, 1) == b"1"
        os.close(child.confined)
        code = os.waitstatus_to_exitcode(status)
        return ENDED.pack(worker, code, usage.ru_utime + usage.ru_stime, was_confined)


def _receive(station: socket.socket) -> tuple[bytes, list[int]]:
    space = socket.CMSG_SPACE(PASSED_DESCRIPTORS * array.array("i").itemsize)
    message, ancillary, _, _ = station.recvmsg(COMMAND.size, space, socket.MSG_CMSG_CLOEXEC)
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return message, list(descriptors)


def _run_child(parent: int, configuration: tuple[int, int], descriptors: list[int], settings: dict[str, Any]) -> None:
    try:
        confine.die_with_parent(parent)
        os.setsid()
        _arrange_descriptors(*descriptors)
        _volunteer_for_out_of_memory()
        config = episode.read_configuration(*configuration)
        readable = [*settings["readable"], *([config["candidate"]] if config["candidate"] else [])]
        confine.confine(settings["level"], config["memory_bytes"], readable, settings["listable"])
        os.write(CONFINED_FD, b"1")
        os.close(CONFINED_FD)
    except BaseException as error:
        os.write(2, f"worker refused to start: {error}\n".encode())
        os._exit(EXIT_REFUSED)
    if config["probe"] is None:
        _forget_own_modules()
        episode.run(config)
    probes.run(config["probe"], config["memory"])


def _arrange_descriptors(control: int, memory: int, log: int, confined: int) -> None:
    """Put the worker's descriptors at their fixed numbers and close everything else."""
    null = os.open(os.devnull, os.O_RDONLY)
    targets = {0: null, 1: log, 2: log, CONTROL_FD: control, MEMORY_FD: memory, CONFINED_FD: confined}
    out_of_the_way = {target: os.dup2(source, 100 + target, inheritable=False) for target, source in targets.items()}
    for target, source in out_of_the_way.items():
        os.dup2(source, target, inheritable=False)
    os.closerange(max(targets) + 1, os.sysconf("SC_OPEN_MAX"))


def _volunteer_for_out_of_memory() -> None:
    """If the machine runs out of memory, a worker goes first. Without /proc there is nothing to say."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
            file.write("1000")
    except OSError:
        pass


def _forget_own_modules() -> None:
    """Free the module names, so that a candidate may use any of them."""
    package = __package__
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]


def main() -> None:
    """Entry point: `argv` holds the number of the socket to the station and the settings as JSON.

    The first entry of `sys.path` is the folder of this package; it was needed to get here, and goes.
    """
    station = socket.socket(fileno=int(sys.argv[1]))
    settings = json.loads(sys.argv[2])
    confine.die_with_parent(settings["parent"])
    del sys.path[0]
    sys.argv[:] = [""]
    for name in settings["preload"]:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    Zygote(station, settings).serve()

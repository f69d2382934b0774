"""The station's handle on its zygote, the process that forks one worker per episode."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from enpire.core.errors import MissingProgram, StationFault
from enpire.core.process import die_with_us
from enpire.rollout.worker import launch
from enpire.rollout.worker.inside.protocol import ALONE, COMMAND, ENDED, READY, REAP, SPAWN

START_TIMEOUT_S = 60.0
REAP_TIMEOUT_S = 10.0


class Ended(NamedTuple):
    """How a worker ended.

    Attributes:
        exit_code: As the process gave it; negative for a signal. Untrusted if the process ended by itself.
        cpu_s: User and system CPU time, measured by the kernel.
        confined: Whether it reached its confinement before it loaded any policy code.
    """

    exit_code: int
    cpu_s: float
    confined: bool


class Zygote:
    """A running zygote. Create it in the station's main thread: it dies with the thread that started it.

    Args:
        level: `namespaces`, `lsm` or `none`; not tested here.
        candidates: Folder that holds all candidates.
        preload: Modules to import before any fork.

    Raises:
        MissingProgram: bubblewrap is missing or cannot start here.
        StationFault: The zygote did not start although nothing was missing.
    """

    def __init__(self, level: str, candidates: Path, preload: Sequence[str]) -> None:
        self._level = level
        self._workers = 0
        self._reaping = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with tempfile.TemporaryFile() as errors:
                command = self._command(theirs.fileno(), candidates, preload)
                self._process = subprocess.Popen(
                    command,
                    env=launch.environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                    cwd="/",
                    preexec_fn=die_with_us(),
                )
                theirs.close()
                self._await_ready(errors.fileno())
        except BaseException:
            theirs.close()
            self._socket.close()
            raise

    def _command(self, socket_number: int, candidates: Path, preload: Sequence[str]) -> list[str]:
        seen = launch.sight()
        in_namespaces = self._level == "namespaces"
        settings = {
            "level": self._level,
            "readable": seen.readable,
            "listable": seen.listable,
            "preload": preload,
            "parent": 0 if in_namespaces else os.getpid(),
        }
        prefix = launch.bubblewrap_command(seen, candidates) if in_namespaces else []
        return [*prefix, *launch.python_command(seen, socket_number, json.dumps(settings))]

    def _await_ready(self, errors: int) -> None:
        self._socket.settimeout(START_TIMEOUT_S)
        try:
            ready = self._socket.recv(len(READY)) == READY
        except OSError:
            ready = False
        if ready:
            self._socket.settimeout(REAP_TIMEOUT_S)
            return
        self.close()
        said = os.pread(errors, 4096, 0).decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else "it said nothing"
        if self._level == "namespaces":
            raise MissingProgram(f"bubblewrap cannot start here ({reason}); allow user namespaces or use level 'lsm'")
        raise StationFault(f"the zygote did not start: {reason}")

    @property
    def pid(self) -> int:
        """Process number of the zygote, or of the bubblewrap around it."""
        return self._process.pid

    def spawn(self, configuration: tuple[int, int], descriptors: Sequence[int]) -> int:
        """Fork a worker; returns its number at once, without waiting for the fork.

        Args:
            configuration: Offset and length of the configuration in the shared memory.
            descriptors: The worker's control socket, the shared memory (read-only), the log.

        Raises:
            ConnectionError: The zygote is gone or does not listen.
        """
        self._workers += 1
        message = COMMAND.pack(SPAWN, self._workers, *configuration)
        try:
            socket.send_fds(self._socket, [message], list(descriptors))
        except OSError as error:
            raise ConnectionError(f"the zygote is gone: {error}") from None
        return self._workers

    def leave_alone(self, worker: int) -> None:
        """Stop all other workers until this one is reaped. If the zygote is gone, its workers are as well."""
        with contextlib.suppress(OSError):
            self._socket.send(COMMAND.pack(ALONE, worker, 0, 0))

    def reap(self, worker: int) -> Ended | None:
        """Kill a worker if it still runs and say how it ended; None if the zygote is gone. Any thread may ask."""
        with self._reaping:
            try:
                self._socket.send(COMMAND.pack(REAP, worker, 0, 0))
                while message := self._socket.recv(ENDED.size):
                    number, exit_code, cpu_s, confined = ENDED.unpack(message)
                    if number == worker:
                        return Ended(exit_code, cpu_s, bool(confined))
            except OSError:
                pass
            return None

    def close(self) -> None:
        """Hang up, so that the zygote kills its workers and ends; kill it if it does not. Idempotent."""
        self._socket.close()
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

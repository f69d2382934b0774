"""A process of its own between the motion gate and a real driver. It survives whatever happens to the station."""

import os
import select
import signal
import socket
import subprocess
import sys
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import StationFault
from enpire.environment.safety.guard import LARGEST_MESSAGE, Beat, Setup, Status, pack, unpack
from enpire.environment.safety.watch import WatchLimits

START_S = 30.0
SILENT_S = 5.0
END_S = 2.0


class WatchdogProcess:
    """The only way to a robot whose driver runs in real time. Use as a context manager.

    Entering starts the process, which connects the robot. It must be told a target every tick (`send`); 3 ticks of
    silence hold the robot, 300 ms stop it for good. SIGUSR1, SIGTERM or SIGINT to `pid` are emergency stops.

    Args:
        robot: `package.module:Class` of the driver.
        options: Its keyword arguments, JSON-able.
        limits: What the watch accepts.
        tick_s: Period of the loop.
    """

    def __init__(self, robot: str, options: dict[str, Any], limits: WatchLimits, tick_s: float = 0.01) -> None:
        self._setup = Setup(robot=robot, options=options, limits=limits, tick_s=tick_s, parent=os.getpid())
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._status: Status | None = None

    def __enter__(self) -> "WatchdogProcess":
        """Start and wait for the first status.

        Raises:
            StationFault: The process did not come up, or the robot did not answer.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "enpire.environment.safety.guard", str(theirs.fileno())]
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),), start_new_session=True
            )
        self._channel = ours
        ours.settimeout(START_S)
        try:
            ours.send(pack(self._setup))
            self._status = unpack(ours.recv(LARGEST_MESSAGE) or b"closed", Status)
        except Exception as error:
            self.close()
            raise StationFault(f"the watchdog of {self._setup.robot} did not start: {error}") from None
        ours.settimeout(None)  # from here on without waiting; a timeout would make Python wait in spite of MSG_DONTWAIT
        if self._status.stopped:
            reason = self._status.stopped
            self.close()
            raise StationFault(f"the watchdog could not take the robot: {reason}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As `close`."""
        self.close()

    def close(self) -> None:
        """Let the robot go where it stands; the process ends, if need be by force. Idempotent."""
        if self._channel is not None:
            try:
                self._channel.send(pack(Beat(leave=True)))
            except OSError:
                pass
            self._channel.close()
            self._channel = None
        if self._process is not None:
            try:
                self._process.wait(END_S)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGKILL)
                self._process.wait()

    @property
    def pid(self) -> int:
        """Process number of the watchdog."""
        if self._process is None:
            raise StationFault("the watchdog was not started")
        return self._process.pid

    def send(self, target: NDArray[np.float64], owner: int) -> None:
        """A target for this tick, shape (A,); also the heartbeat.

        Args:
            target: What the gate let pass.
            owner: Fencing number of the station's lease; after a higher one was seen, this one is refused.

        Raises:
            StationFault: The watchdog is gone.
        """
        self._tell(Beat(owner=owner, target=tuple(target.tolist())))

    def press(self, reason: str) -> None:
        """Emergency stop.

        Raises:
            StationFault: The watchdog is gone, so the robot was stopped or its motors' own timeout has.
        """
        self._tell(Beat(press=reason))

    def status(self) -> Status:
        """The newest status; waits for one if none is new.

        Raises:
            StationFault: The watchdog is gone or silent.
        """
        channel = self._connected()
        if not select.select([channel], [], [], SILENT_S)[0]:
            raise StationFault(f"the watchdog said nothing for {SILENT_S} s")
        try:
            while newest := channel.recv(LARGEST_MESSAGE, socket.MSG_DONTWAIT):
                self._status = unpack(newest, Status)
        except BlockingIOError:
            pass
        except OSError as error:
            raise StationFault(f"the watchdog is silent: {error}") from None
        else:
            raise StationFault("the watchdog ended")
        assert self._status is not None
        return self._status

    def _tell(self, beat: Beat) -> None:
        try:
            self._connected().send(pack(beat), socket.MSG_DONTWAIT)
        except OSError as error:
            raise StationFault(f"the watchdog does not listen: {error}") from None

    def _connected(self) -> socket.socket:
        if self._channel is None:
            raise StationFault("the watchdog is not running")
        return self._channel

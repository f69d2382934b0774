"""The watchdog's own process: `python -m enpire.environment.safety.guard FD`. It alone holds the robot.

Every tick: take what came from the gate, read the joints, ask the watch, command or stop, tell the station. When the
station's end of the socket closes, however the station died, the robot is stopped and the process ends.
"""

import os
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, TypeVar

import msgspec
import numpy as np

from enpire.core.errors import BadInput, EnpireError
from enpire.core.registry import load_object
from enpire.environment.safety.watch import Order, Watch, WatchLimits
from enpire.robots.robot import Robot

LARGEST_MESSAGE = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Setup:
    """First message: which robot, how it is watched, and who is the parent.

    Attributes:
        robot: `package.module:Class`.
        options: Its keyword arguments.
        parent: Process number of the station.
    """

    robot: str
    options: dict[str, Any]
    limits: WatchLimits
    tick_s: float
    parent: int


@dataclass(frozen=True, kw_only=True)
class Beat:
    """A command of the gate. `press` is the emergency stop; `leave` lets the robot go where it stands."""

    owner: int = 0
    target: tuple[float, ...] = ()
    press: str = ""
    leave: bool = False


@dataclass(frozen=True, kw_only=True)
class Status:
    """What the watchdog says after each tick. Vectors as `Robot.get_observation` gives them.

    Attributes:
        order: What it did.
        stopped: Why the robot was stopped; empty if it was not.
        owner: Fencing number in force.
        refused: Commands refused so far.
        fault: What the robot last raised.
    """

    order: Order
    stopped: str
    owner: int
    refused: int
    position: tuple[float, ...] = ()
    velocity: tuple[float, ...] = ()
    effort: tuple[float, ...] = ()
    fault: str = field(default="")


T = TypeVar("T")


def pack(record: Setup | Beat | Status) -> bytes:
    """A message; MessagePack, as JSON knows no infinity."""
    return msgspec.msgpack.encode(record)


def unpack(message: bytes, kind: type[T]) -> T:
    """The record in a message.

    Raises:
        BadInput: It is none.
    """
    try:
        return msgspec.msgpack.decode(message, type=kind)
    except msgspec.DecodeError as error:
        raise BadInput(f"not a {kind.__name__} for the watchdog: {error}") from None


class Guard:
    """The loop around one connected robot."""

    def __init__(self, setup: Setup, robot: Robot, channel: socket.socket) -> None:
        self._setup, self._robot, self._channel = setup, robot, channel
        self._watch = Watch(setup.limits, time.monotonic())
        self._refused, self._fault = 0, ""
        self._readings: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]] = ((), (), ())
        self._open = True

    def run(self) -> None:
        """Until the station leaves or dies; the robot is stopped then."""
        due = time.monotonic()
        try:
            while self._open and os.getppid() == self._setup.parent:
                self._listen()
                self._read()
                self._act()
                due = max(due + self._setup.tick_s, time.monotonic())
                time.sleep(due - time.monotonic() if due > time.monotonic() else 0.0)
        finally:
            self._robot.stop()
            self._robot.disconnect()

    def press(self, reason: str) -> None:
        """Emergency stop."""
        self._watch.stop(reason)

    def _listen(self) -> None:
        while self._open:
            try:
                message = self._channel.recv(LARGEST_MESSAGE, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except ConnectionError:
                message = b""
            self._open = bool(message)
            if message:
                self._take(unpack(message, Beat))

    def _take(self, beat: Beat) -> None:
        if beat.press:
            self.press(beat.press)
        elif beat.leave:
            self._open = False
        elif not self._watch.beat(beat.owner, np.array(beat.target), time.monotonic()):
            self._refused += 1

    def _read(self) -> None:
        try:
            seen = self._robot.get_observation()
        except EnpireError as error:
            self._fault = str(error)
            return
        position, velocity, effort = (seen[f"observation.{key}"] for key in ("state", "velocity", "effort"))
        self._watch.read(position, velocity, effort, time.monotonic())
        self._readings = tuple(position.tolist()), tuple(velocity.tolist()), tuple(effort.tolist())

    def _act(self) -> None:
        order = self._watch.order(time.monotonic())
        try:
            if order == "stop":
                self._robot.stop()
            elif order != "idle" and self._watch.target is not None:
                self._robot.send_action(self._watch.target)
        except EnpireError as error:
            self._fault = str(error)
            self.press(f"the robot refused a command: {error}")
        self._tell(order)

    def _tell(self, order: Order) -> None:
        watch, (position, velocity, effort) = self._watch, self._readings
        status = Status(
            order=order, stopped=watch.stopped, owner=watch.owner, refused=self._refused,
            position=position, velocity=velocity, effort=effort, fault=self._fault,
        )  # fmt: skip
        try:
            self._channel.send(pack(status), socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass  # the station is slow to read; the next status says all again
        except ConnectionError:
            self._open = False


def main() -> None:
    """Connect the robot, say so, watch."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    setup = unpack(channel.recv(LARGEST_MESSAGE), Setup)
    try:
        make = load_object(setup.robot)
        robot: Robot = make(**setup.options)  # type: ignore[operator]
        robot.connect()
    except EnpireError as error:
        channel.send(pack(Status(order="stop", stopped=str(error), owner=0, refused=0)))
        raise SystemExit(1) from None
    guard = Guard(setup, robot, channel)

    def pressed(number: int, _: FrameType | None) -> None:
        guard.press(f"signal {signal.Signals(number).name}")

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, pressed)
    guard.run()


if __name__ == "__main__":
    main()

"""What a robot may be told at a tick, from how long its gate has been silent and from what its joints say.

`Watch` reads no clock and moves nothing: times and readings go in, an order comes out. The watchdog process runs it for
real drivers; a simulated station, whose time is not the wall's, runs the same class in its own process.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

Order = Literal["idle", "send", "hold", "stop"]
"""idle: nobody has commanded yet, the robot holds by itself. send: pass the target on. hold: send the last target once
more. stop: brake, hold or damp, and never command again."""


@dataclass(frozen=True, kw_only=True)
class WatchLimits:
    """What the watch accepts. One entry per value of the action; infinity switches a check off.

    Attributes:
        low, high: Joint limits, rad or opening; a reading may be outside by `slack`.
        velocity: Largest measured velocity, rad/s or opening/s; leave room above what is commanded.
        effort: Largest measured effort, Nm or N, that may last.
        tracking: Largest distance between command and reading that may last, rad or opening. Infinite for grippers: an
            object keeps them open.
        slack: rad or opening.
        hold_after_s: Silence of the gate after which the robot holds.
        stop_after_s: Silence of the gate or of the robot after which it is stopped for good.
        lasting_s: How long effort or tracking error may be too large.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    velocity: tuple[float, ...]
    effort: tuple[float, ...]
    tracking: tuple[float, ...]
    slack: float = 0.1
    hold_after_s: float = 0.03
    stop_after_s: float = 0.3
    lasting_s: float = 0.5


class Watch:
    """Heartbeats, readings and the emergency stop of one run. Stopped once, it stays so: a new run makes a new one.

    Args:
        limits: What it accepts.
        now_s: Time at which it begins to watch.

    Attributes:
        stopped: Why the robot was stopped; empty if it was not.
        owner: Fencing number, from 1 on, of who commands now; commands with a lower one are refused.
        target: Last accepted command, shape (A,); None before the first.
    """

    def __init__(self, limits: WatchLimits, now_s: float) -> None:
        self._limits = limits
        self._low, self._high = np.array(limits.low) - limits.slack, np.array(limits.high) + limits.slack
        self._velocity, self._effort = np.array(limits.velocity), np.array(limits.effort)
        self._tracking = np.array(limits.tracking)
        self._now_s = self._beat_s = self._read_s = now_s
        self._since: dict[str, float] = {}
        self.stopped = ""
        self.owner = 0
        self.target: Vector | None = None

    def beat(self, owner: int, target: Vector, now_s: float) -> bool:
        """A command, which is also the heartbeat; whether it was accepted.

        A higher fencing number takes over for good; 0 is nobody's. Not finite, wrong shape or after a stop: refused.
        """
        if self.stopped:  # clamp: stopped for good
            return False
        if owner < max(self.owner, 1):  # clamp: fence
            return False
        if target.shape != self._low.shape or not np.isfinite(target).all():  # clamp: finite command
            return False
        self.owner, self.target, self._beat_s = owner, np.array(target, dtype=np.float64), now_s
        return True

    def read(self, position: Vector, velocity: Vector, effort: Vector, now_s: float) -> None:
        """Joint readings, shape (A,) each."""
        readings = np.array([position, velocity, effort])
        if readings.shape != (3, len(self._low)) or not np.isfinite(readings).all():  # clamp: finite reading
            return  # a robot that says nothing usable is silent
        self._read_s = now_s
        if ((position < self._low) | (position > self._high)).any():  # clamp: joint range
            self.stop(f"a joint stands outside its limits by more than {self._limits.slack}")
        if (np.abs(velocity) > self._velocity).any():  # clamp: speed
            self.stop("a joint moves too fast")
        self._lasting("effort", bool((np.abs(effort) > self._effort).any()), now_s)  # clamp: effort
        if self.target is not None:  # clamp: tracking
            self._lasting("tracking error", bool((np.abs(position - self.target) > self._tracking).any()), now_s)

    def stop(self, reason: str) -> None:
        """Emergency stop. The first reason is kept."""
        self.stopped = self.stopped or reason

    def order(self, now_s: float) -> Order:
        """What the robot may be told at this tick."""
        if now_s < self._now_s:  # clamp: clock
            self.stop("the clock went back")
        self._now_s = now_s
        if now_s - self._read_s > self._limits.stop_after_s:  # clamp: robot silence
            self.stop("the robot is silent")
        silence = now_s - self._beat_s
        if self.target is not None and silence > self._limits.stop_after_s:  # clamp: gate silence
            self.stop("the gate is silent")
        if self.stopped:  # clamp: emergency stop
            return "stop"
        if self.target is None:
            return "idle"
        if silence > self._limits.hold_after_s:  # clamp: hold
            return "hold"
        return "send"

    def _lasting(self, name: str, bad: bool, now_s: float) -> None:
        """Stop when something has been bad for too long without a break."""
        if not bad:
            self._since.pop(name, None)
        elif now_s - self._since.setdefault(name, now_s) > self._limits.lasting_s:
            self.stop(f"{name} too large for {self._limits.lasting_s} s")

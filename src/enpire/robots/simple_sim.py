"""A robot without physics that runs in real time: joints that go to their targets like a first-order lag.

For trying a station, its watchdog and its network without an arm: `enpire.robots.simple_sim:SimpleSim`.
"""

import math
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import BadInput, StationFault
from enpire.core.records import Observation
from enpire.robots.robot import ActionSemantics, Description, Health, State

LAG_S = 0.03
REACH_RAD = 2.0


class SimpleSim:
    """`joints` hinges with limits of ±2 rad.

    Args:
        joints: How many.
        tape: File that gets a line per verb, `<monotonic seconds> <verb> <values>`; empty: none.
    """

    def __init__(self, joints: int = 2, tape: str = "") -> None:
        self._tape = Path(tape) if tape else None
        self._position, self._target = np.zeros(joints), np.zeros(joints)
        self._velocity = np.zeros(joints)
        self._state: State | None = None
        self._time_s = 0.0

    def describe(self) -> Description:
        """What it is."""
        count = len(self._position)
        semantics = ActionSemantics(
            names=tuple(f"joint{i + 1}_rad" for i in range(count)),
            low=(-REACH_RAD,) * count, high=(REACH_RAD,) * count, most_change=(0.2,) * count, rate_hz=100.0,
        )  # fmt: skip
        return Description(name="simple_sim", action=semantics, arms=("arm",))

    def connect(self) -> None:
        """Take the robot; it holds its position."""
        self._state, self._time_s = "ready", time.monotonic()
        self._write("connect")

    def disconnect(self) -> None:
        """Let it go where it stands."""
        if self._state is not None:
            self._write("disconnect")
        self._state = None

    def get_observation(self) -> Observation:
        """Joint readings; no effort, as nothing weighs anything."""
        self._advance()
        return {
            "observation.state": self._position.copy(),
            "observation.velocity": self._velocity.copy(),
            "observation.effort": np.zeros_like(self._position),
        }

    def send_action(self, action: NDArray[np.float64]) -> NDArray[np.float64]:
        """Command joint targets, shape (A,)."""
        if action.shape != self._position.shape or not np.isfinite(action).all():
            raise BadInput(f"an action must be {len(self._position)} finite numbers, not {action}")
        self._advance()
        if self._state == "stopped":
            raise StationFault("the robot was stopped; connect it again")
        self._state, self._target = "moving", np.clip(action, -REACH_RAD, REACH_RAD)
        self._write("send", self._target)
        return self._target.copy()

    def health(self) -> Health:
        """How it is."""
        if self._state is None:
            return Health(state="fault", detail="not connected")
        return Health(state=self._state, age_s=time.monotonic() - self._time_s)

    def stop(self) -> None:
        """Brake and hold where it is."""
        if self._state is not None:
            self._advance()
        if self._state != "stopped":
            self._target, self._velocity = self._position.copy(), np.zeros_like(self._position)
            self._write("stop", self._position)
        self._state = "stopped"

    def park(self) -> None:
        """Go to zero."""
        self._advance()
        self._state, self._target = "parked", np.zeros_like(self._position)
        self._write("park")

    def _advance(self) -> None:
        if self._state is None:
            raise StationFault("the robot is not connected")
        now = time.monotonic()
        passed, self._time_s = now - self._time_s, now
        self._velocity = (self._target - self._position) / LAG_S * math.exp(-passed / LAG_S)
        self._position = self._target + (self._position - self._target) * math.exp(-passed / LAG_S)

    def _write(self, verb: str, values: NDArray[np.float64] | None = None) -> None:
        if self._tape is None:
            return
        said = " ".join(f"{v:.6f}" for v in values) if values is not None else ""
        with self._tape.open("a") as file:
            file.write(f"{time.monotonic():.6f} {verb} {said}".rstrip() + "\n")

"""What a robot is to a station: LeRobot's four verbs, plus describe, health, stop and park.

A driver knows its own robot and nothing else: no scene, no task, no truth. Whatever a real arm cannot do is not here.
"""

from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from enpire.core.records import Observation

State = Literal["ready", "moving", "stopped", "parked", "fault"]


@dataclass(frozen=True, kw_only=True)
class ActionSemantics:
    """What the numbers of an action mean. Robot and policy declare it; the preflight compares.

    Attributes:
        mode: `joint_position`: absolute targets. The only mode so far.
        names: One name with unit per value, e.g. `left_joint1_rad`, `left_gripper_opening`.
        low, high: Bounds per value: rad for joints; gripper opening in [0, 1], 1 is open.
        most_change: Largest change per value from one action to the next that the robot accepts.
        rate_hz: Actions per second.
    """

    mode: Literal["joint_position"] = "joint_position"
    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    most_change: tuple[float, ...]
    rate_hz: float


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a robot is, known before it is connected.

    Attributes:
        name: Registered name, e.g. `yam_sim`.
        action: What `send_action` takes, at the rate of the joint loop.
        arms: Arm names in the order of the action's values, e.g. `("left", "right")`.
        cameras: Cameras mounted on the robot.
        velocity, acceleration: Largest values that the arms can reach, per value of the action; rad/s and rad/s²,
            opening/s and opening/s² for grippers.
        effort: Largest effort per value: Nm for joints, N for grippers.
    """

    name: str
    action: ActionSemantics
    arms: tuple[str, ...]
    cameras: tuple[str, ...] = ()
    velocity: tuple[float, ...] = ()
    acceleration: tuple[float, ...] = ()
    effort: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Health:
    """How a robot is.

    Attributes:
        state: What it is doing; `fault` needs a person or a reconnect.
        detail: One line for the log; empty if all is well.
        age_s: Time since the joints were last read.
        temperature_c: Motor temperatures by value name; empty if the robot does not say.
    """

    state: State
    detail: str = ""
    age_s: float = 0.0
    temperature_c: dict[str, float] = field(default_factory=dict)


class Robot(Protocol):
    """One or more arms that take joint targets.

    `get_observation` gives `observation.state`, `observation.velocity` and `observation.effort`, float64 of shape
    (A,), entries in the order of the action: rad, rad/s, Nm for joints; opening, opening/s, N for grippers.
    """

    def describe(self) -> Description:
        """What it is; works without a connection."""
        ...

    def connect(self) -> None:
        """Take the robot; it holds its position.

        Raises:
            StationFault: It does not answer, or somebody else has it.
        """
        ...

    def disconnect(self) -> None:
        """Let it go where it stands, holding; idempotent."""
        ...

    def get_observation(self) -> Observation:
        """Latest joint readings.

        Raises:
            StationFault: The robot is silent or in fault.
        """
        ...

    def send_action(self, action: NDArray[np.float64]) -> NDArray[np.float64]:
        """Command joint targets, shape (A,), for the next tick; returns what was really sent.

        Raises:
            BadInput: Wrong shape, or a value is not finite; nothing was sent.
            StationFault: The robot is silent or in fault.
        """
        ...

    def health(self) -> Health:
        """How it is; never raises."""
        ...

    def stop(self) -> None:
        """Brake and hold where it comes to rest. Works in every state."""
        ...

    def park(self) -> None:
        """Go slowly to the rest pose and hold there."""
        ...

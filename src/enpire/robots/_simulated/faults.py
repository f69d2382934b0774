"""Faults of a simulated robot, for tests of everything that must survive them."""

from typing import Literal

import mujoco

from enpire.core.errors import BadInput
from enpire.robots._simulated.layout import Layout

Fault = Literal["silent", "stuck_joint", "blocked_gripper"]
FAULTS: tuple[Fault, ...] = ("silent", "stuck_joint", "blocked_gripper")
_PLAY = 1e-4


class Faults:
    """What is broken, and until when on the world's clock. A stuck joint is held by the limits of its range."""

    def __init__(self, model: mujoco.MjModel, layout: Layout) -> None:
        self._model, self._layout = model, layout
        self._range = model.jnt_range.copy()
        self._until: dict[int, float] = {}
        self._silent_until = -1.0

    def silence(self, until_s: float) -> None:
        """No reading and no command gets through."""
        self._silent_until = until_s

    def silent(self, now_s: float) -> bool:
        """Whether the robot does not answer."""
        return now_s < self._silent_until

    def stick(self, value: int, positions: mujoco.MjData, until_s: float) -> None:
        """The joints of a value stay where they are, whatever the motor does."""
        self._until[value] = until_s
        for joint in self._layout.moving[value]:
            now = float(positions.qpos[self._model.jnt_qposadr[joint]])
            self._model.jnt_range[joint] = (now - _PLAY, now + _PLAY)

    def expire(self, now_s: float) -> None:
        """End what is over."""
        for value in [v for v, until in self._until.items() if now_s >= until]:
            del self._until[value]
            for joint in self._layout.moving[value]:
                self._model.jnt_range[joint] = self._range[joint]

    def __bool__(self) -> bool:
        return bool(self._until)


def value_to_stick(kind: Fault, name: str, names: tuple[str, ...]) -> int:
    """Index of the value that a fault is about; the first that fits if `name` is empty.

    Raises:
        BadInput: No such value.
    """
    gripper = kind == "blocked_gripper"
    fitting = [n for n in names if n.endswith("_opening") == gripper]
    if name and name not in fitting:
        raise BadInput(f"{kind} cannot be about {name!r}; it can be about {', '.join(fitting)}")
    return names.index(name or fitting[0])

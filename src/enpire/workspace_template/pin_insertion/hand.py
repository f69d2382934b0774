"""The right arm with its gripper: what it feels, where its tool is, and the action that moves it.

Poses are T_world_tool as [x, y, z, qw, qx, qy, qz], metres; the tool's z points out of the gripper. Joints are radians.
Motions are generators: each `yield` is one control period.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pose = list[float]


class Tools(Protocol):
    """What the station offers."""

    def call(self, name: str, **arguments: Any) -> Any:
        """Answer of a tool."""
        ...


class Hand:
    """The right arm; the left one rests.

    Attributes:
        scene: Facts of the task's manual.
        period_s: Control period.
        joints, effort: Newest readings, (6,), rad and Nm.
        command: Joints commanded last, (6,).
        opening: Gripper opening to command; 0 holds the pin.
    """

    def __init__(self, task: dict[str, Any], tools: Tools) -> None:
        self.scene, self.period_s = task["scene"], float(task["period_s"])
        self.tools = tools
        names = list(task["observation"]["observation.state"]["names"])
        self._own = [names.index(f"right_joint{i}_rad") for i in range(1, 7)]
        self._rest = list(self.scene["left_arm"])
        self.joints = self.effort = self.command = np.zeros(6)
        self.opening = 0.0
        self._begun = False

    def sense(self, observation: dict[str, Array]) -> None:
        """Take in the newest readings."""
        self.joints = np.asarray(observation["observation.state"], float)[self._own]
        self.effort = np.asarray(observation["observation.effort"], float)[self._own]
        if not self._begun:
            self._begun, self.command = True, self.joints.copy()

    def call(self, tool: str, **arguments: Any) -> Any:
        """Answer of a tool."""
        return self.tools.call(tool, **arguments)

    def ask(self, tool: str, **arguments: Any) -> Any:
        """Answer of a tool; None if it cannot answer."""
        try:
            return self.tools.call(tool, **arguments)
        except Exception as refused:
            if type(refused).__name__ != "ToolError":
                raise
            return None

    def pose(self) -> Pose:
        """Where the tool is by the readings."""
        return list(self.call("forward_kinematics.tool", arm="right", q=self.joints))

    def upright(self, x_m: float, y_m: float, z_m: float) -> Pose:
        """The tool at a point, pointing straight down."""
        yaw = self.scene["tool_yaw_rad"]
        return list(self.call("mink_ik.vertical", x_m=x_m, y_m=y_m, z_m=z_m, yaw_rad=yaw))

    def act(self, joints: Array) -> Array:
        """Action (14,) that sends the arm to joints (6,) and the gripper to `opening`."""
        self.command = np.asarray(joints, float)
        return np.array([*self._rest, *self.command, self.opening])

    def relax(self) -> None:
        """Press no more: stay where the joints are, not where they were sent."""
        self.command = self.joints.copy()

    def hold(self, seconds: float) -> Iterator[Array]:
        """Keep still."""
        for _ in range(max(1, round(seconds / self.period_s))):
            yield self.act(self.command)

"""The right arm as a pusher: what it feels, where its tool is, and motions as streams of actions.

Points are millimetres in the world frame, joints radians. Motions are generators: each `yield` is one control period.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from geometry import Array

LEAN_FROM_MM, LEAN_PER_MM = 440.0, 0.004
"""Further out than that the tool leans outward, by so many radians per millimetre, or it would not reach."""
STEP_M = 0.01
"""Between the postures that a straight line is made of."""
_ELBOW_UP = (2.0, 1.8, -1.2, 0.0, 0.0)


class Tools(Protocol):
    """What the station offers."""

    def call(self, name: str, **arguments: Any) -> Any:
        """Answer of a tool."""
        ...


class Arm:
    """The pushing arm; the other one is held out of the way.

    Attributes:
        command: Joints commanded last, shape (6,).
    """

    def __init__(self, task: dict[str, Any], tools: Tools) -> None:
        scene = task["scene"]
        self.scene, self.period_s = scene, float(task["period_s"])
        self._tools = tools
        self._names = list(task["observation"]["observation.state"]["names"])
        self._own = [self._names.index(f"{scene['pushing_arm']}_joint{i}_rad") for i in range(1, 7)]
        self._fastest = np.asarray(scene["joint_velocity_rad_s"], float)
        self._hardest = np.asarray(scene["joint_acceleration_rad_s2"], float)
        self._chain = [(np.asarray(offset), np.asarray(axis)) for offset, axis in scene["arm_chain"]]
        self._base = np.array([*scene["arm_base_m"], 0.0])
        self.retracted = np.asarray(scene["right_retracted_rad"], float)
        self.joints = self.command = self.retracted
        self._action = np.array([*scene["left_retracted_rad"], 0.0, *self.retracted, 0.0])

    def sense(self, observation: dict[str, Array]) -> None:
        """Take in the newest readings."""
        self.joints = np.asarray(observation["observation.state"], float)[self._own]

    def ask(self, tool: str, **arguments: Any) -> Any:
        """Answer of a tool; None if it cannot answer."""
        try:
            return self._tools.call(tool, **arguments)
        except Exception as refused:
            if type(refused).__name__ != "ToolError":
                raise
            return None

    def tool(self, joints: Array | None = None) -> Array:
        """Where the tool is (3,), by the readings or for given joints."""
        angles = self.joints if joints is None else joints
        place, turn = self._base.copy(), np.eye(3)
        for (offset, axis), angle in zip(self._chain, [*angles, 0.0], strict=True):
            place = place + turn @ offset
            turn = turn @ _rotation(axis, angle)
        return np.asarray(1000.0 * place)

    def posture(self, point: Array, near: Array | None = None) -> Array | None:
        """Joints with the tool at a point (3,), pointing down; None if there are none."""
        start = [self._yaw(point), *_ELBOW_UP] if near is None else list(near)
        pose = self._pose(point)
        found = self.ask("mink_ik.solve", arm="right", T_world_tool=pose, q_start=start, align="approach")
        return np.asarray(found["q"]) if found and found["reached"] else None

    def straight(self, start: Array, point: Array) -> Array | None:
        """Postures (N, 6) from joints `start` on the straight line to a point (3,); None if there is no way."""
        pose = self._pose(point)
        found = self.ask("straight.tool", arm="right", q_start=list(start), T_world_tool=pose, step_m=STEP_M,
                         step_rad=0.1, align="approach")  # fmt: skip
        return None if found is None else np.vstack([start, np.asarray(found, float)])

    def act(self, joints: Array) -> Array:
        """Action (14,) that sends the arm to joints (6,)."""
        self.command = joints
        self._action[7:13] = joints
        return self._action.copy()

    def move(self, goal: Array, pace: float) -> Iterator[Array]:
        """Straight in joint space from rest to rest, no joint quicker than `pace`, rad/s, or than it may be."""
        way, fastest = np.abs(goal - self.command), np.minimum(pace, self._fastest)
        seconds = float(np.maximum(1.9 * way / fastest, np.sqrt(6.0 * way / self._hardest)).max())
        yield from self.follow(np.vstack([self.command, goal]), seconds)

    def follow(self, path: Array, seconds: float) -> Iterator[Array]:
        """Through postures (N, 6), evenly spaced along the way, smoothly from rest to rest."""
        count = max(2, round(seconds / self.period_s))
        marks = np.arange(len(path))
        for t in np.arange(1, count + 1) / count:
            share = t**3 * (10.0 - 15.0 * t + 6.0 * t * t) * marks[-1]
            yield self.act(np.array([np.interp(share, marks, column) for column in path.T]))

    def hold(self, seconds: float) -> Iterator[Array]:
        """Keep still."""
        for _ in range(max(1, round(seconds / self.period_s))):
            yield self.act(self.command)

    def retract(self, pace: float) -> Iterator[Array]:
        """Out of the camera's view."""
        yield from self.move(self.retracted, pace)

    def _yaw(self, point: Array) -> float:
        radial = point[:2] / 1000.0 - self._base[:2]
        return float(np.arctan2(radial[1], radial[0]))

    def _pose(self, point: Array) -> list[float]:
        """The tool at a point, pointing down, leaning outward far out: x, y, z in m, quaternion w, x, y, z."""
        away = float(np.linalg.norm(point[:2] - 1000.0 * self._base[:2]))
        half_yaw, half_tilt = self._yaw(point) / 2, (np.pi - LEAN_PER_MM * max(away - LEAN_FROM_MM, 0.0)) / 2
        c, s, d, e = np.cos(half_yaw), np.sin(half_yaw), np.cos(half_tilt), np.sin(half_tilt)
        return [*(point / 1000.0).tolist(), c * d, -s * e, c * e, s * d]


def _rotation(axis: Array, angle: float) -> Array:
    """Rotation matrix by Rodrigues' formula."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * (cross @ cross))

"""The scene of pushing with an arm on a table. Lengths are millimetres, angles radians; see `plane.py`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from plane import (
    Array,
    Push,
    PushScene,
    State,
    area_moments,
    outline_points,
    rotate,
    signed_area,
    signed_distance,
    to_block,
    to_world,
    wrap,
)

__all__ = [
    "Array",
    "Push",
    "Scene",
    "State",
    "outline_points",
    "read_scene",
    "rotate",
    "signed_area",
    "signed_distance",
    "to_block",
    "to_world",
    "wrap",
]


@dataclass(frozen=True, kw_only=True)
class Scene(PushScene):
    """The stated facts of a pushing task on a table, with the plane of the table as the world.

    Attributes:
        tolerance_mm, tolerance_rad: Success is nearer to the goal than both, for the centroid and the yaw.
        base: Base of the pushing arm, mm, shape (2,).
        reach: Nearest and furthest distance from the base at which the arm can push, mm.
    """

    tolerance_mm: float
    tolerance_rad: float
    base: Array
    reach: tuple[float, float]
    lifted: bool = True

    def reachable(self, points: Array) -> NDArray[np.bool_]:
        """Which points (K, 2) the pusher can work at."""
        away = np.linalg.norm(points - self.base, axis=-1)
        return np.asarray(super().reachable(points) & (away >= self.reach[0]) & (away <= self.reach[1]))

    def errors(self, block: Array) -> tuple[float, float]:
        """Distance of the centroid (mm) and of the yaw (rad) of a pose (3,) from the goal."""
        away = to_world(block, self.centroid) - to_world(self.goal, self.centroid)
        return float(np.linalg.norm(away)), float(np.abs(wrap(block[2] - self.goal[2])))


def read_scene(task: dict[str, Any]) -> Scene:
    """Scene from the task's description, see `program.md`."""
    scene = task["scene"]
    polygons = tuple(1000.0 * np.asarray(polygon, float) for polygon in scene["block_polygons_m"])
    x, y, yaw = scene["goal_pose"]
    field = 1000.0 * np.asarray(scene["field_m"], float)
    nearest, furthest = scene["reach_m"]
    return Scene(
        polygons=polygons,
        goal=np.array([1000.0 * x, 1000.0 * y, yaw]),
        tolerance_mm=1000.0 * float(scene["tolerance_m"]),
        tolerance_rad=float(scene["tolerance_rad"]),
        pusher_radius=1000.0 * float(scene["pusher_radius_m"]),
        arena=field + 40.0 * np.array([-1.0, -1.0, 1.0, 1.0]),
        weight_centre=area_moments(polygons)[1],
        action_low=field[:2],
        action_high=field[2:],
        base=1000.0 * np.asarray(scene["arm_base_m"], float),
        reach=(1000.0 * nearest, 1000.0 * furthest),
        period_s=float(task["period_s"]),
    )

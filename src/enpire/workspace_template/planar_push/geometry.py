"""The scene of a planar pushing task. Lengths are pixels of the task, angles radians; see `plane.py`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
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
    """The stated facts of a planar pushing task; the pusher never leaves the plane.

    Attributes:
        columns: Where pusher x, y and block x, y, yaw stand in `observation.state`.
    """

    columns: tuple[int, ...]
    lifted: bool = False

    def way(self, pusher: Array, starts: Array, block: Array) -> Array:
        """Rough way (K,) from the pusher (2,) to starts (K, 2): straight if free, else round the block on a circle."""
        direct = np.linalg.norm(starts - pusher, axis=1)
        between = pusher + np.linspace(0.1, 0.9, 9)[:, None, None] * (starts - pusher)  # (9, K, 2)
        free = self.clearance(between.reshape(-1, 2), block).reshape(9, -1).min(axis=0) > 0.8 * self.pusher_radius
        centre = to_world(block, self.centroid)
        a, b = pusher - centre, starts - centre
        angle = np.abs(np.arctan2(a[0] * b[:, 1] - a[1] * b[:, 0], b @ a))
        ring = self.block_radius + self.pusher_radius
        radial = np.abs(ring - np.linalg.norm(a)) + np.abs(ring - np.linalg.norm(b, axis=1))
        return np.where(free, direct, np.maximum(direct, 0.7 * (radial + ring * angle)))


def read_scene(task: dict[str, Any]) -> Scene:
    """Scene from the task's description, see `program.md`."""
    scene, action = task["scene"], task["action"]
    names = list(task["observation"]["observation.state"]["names"])
    wanted = ("agent_x_px", "agent_y_px", "block_x_px", "block_y_px", "block_yaw_rad")
    low, high = np.asarray(action["low"], float), np.asarray(action["high"], float)
    polygons = tuple(np.asarray(polygon, float) for polygon in scene["block_polygons_px"])
    arena = np.asarray(scene.get("arena_px", [*low, *high]), float)
    if "wall_center_px" in scene:
        thickness = float(scene.get("wall_radius_px", 0.0)) * np.array([1.0, 1.0, -1.0, -1.0])
        arena = np.asarray(scene["wall_center_px"], float) + thickness
    return Scene(
        polygons=polygons,
        goal=np.asarray(scene["goal_pose"], float),
        pusher_radius=float(scene["pusher_radius_px"]),
        arena=arena,
        weight_centre=np.asarray(scene.get("block_center_of_gravity_px", area_moments(polygons)[1]), float),
        action_low=low,
        action_high=high,
        period_s=float(task["period_s"]),
        columns=tuple(names.index(name) for name in wanted),
    )

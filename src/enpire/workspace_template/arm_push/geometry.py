"""Plane geometry shared by the blocks: the table, rigid poses and distances to polygons.

Lengths are millimetres, angles radians. A pose is (x, y, yaw) of the block frame in the world frame.
Arrays of poses have shape (K, 3), arrays of points (K, 2).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class State:
    """What the policy believes now.

    Attributes:
        pusher: Centre of the pusher, mm, world frame, shape (2,).
        velocity: Velocity of the pusher, mm/s, shape (2,).
        block: Pose of the block, shape (3,).
    """

    pusher: Array
    velocity: Array
    block: Array


@dataclass(frozen=True, kw_only=True)
class Push:
    """A straight push: go to `start`, then move along `direction` for `length`.

    Attributes:
        start: Centre of the pusher before it touches the block, mm, world frame, shape (2,).
        direction: Unit vector, world frame, shape (2,).
        length: Way of the pusher from `start`, mm.
        outcome: Pose of the block that the planner expects after the push, shape (3,).
    """

    start: Array
    direction: Array
    length: float
    outcome: Array

    @property
    def end(self) -> Array:
        """Centre of the pusher at the end of the push, mm, world frame, shape (2,)."""
        return self.start + self.length * self.direction


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The stated facts of a pushing task on a table, with the plane of the table as the world.

    Attributes:
        polygons: Simple polygons that make up the block, each (V, 2) mm in the block frame.
        goal: Goal pose of the block, shape (3,).
        tolerance_mm, tolerance_rad: Success is nearer to the goal than both, for the centroid and the yaw.
        pusher_radius: mm.
        arena: Where the block should stay, mm: x_low, y_low, x_high, y_high.
        weight_centre: Centre of gravity in the block frame, mm, shape (2,).
        action_low, action_high: Box of the places where the pusher may go, mm, shape (2,).
        base: Base of the pushing arm, mm, shape (2,).
        reach: Nearest and furthest distance from the base at which the arm can push, mm.
        period_s: Control period.
    """

    polygons: tuple[Array, ...]
    goal: Array
    tolerance_mm: float
    tolerance_rad: float
    pusher_radius: float
    arena: Array
    weight_centre: Array
    action_low: Array
    action_high: Array
    base: Array
    reach: tuple[float, float]
    period_s: float

    @cached_property
    def vertices(self) -> Array:
        """All polygon corners in the block frame, shape (V, 2)."""
        return np.vstack(self.polygons)

    @cached_property
    def centroid(self) -> Array:
        """Centre of area in the block frame, mm, shape (2,)."""
        return area_moments(self.polygons)[1]

    @cached_property
    def gyration_radius(self) -> float:
        """Root mean square distance of the block's area from its centroid, mm."""
        return area_moments(self.polygons)[2]

    @cached_property
    def block_radius(self) -> float:
        """Largest distance of a corner from the centroid, mm."""
        return float(np.linalg.norm(self.vertices - self.centroid, axis=1).max())

    def clip(self, point: Array) -> Array:
        """Point inside the action box."""
        return np.clip(point, self.action_low, self.action_high)

    def reachable(self, points: Array) -> NDArray[np.bool_]:
        """Which points (K, 2) the pusher can work at."""
        away = np.linalg.norm(points - self.base, axis=-1)
        inside = np.all((points >= self.action_low) & (points <= self.action_high), axis=-1)
        return np.asarray(inside & (away >= self.reach[0]) & (away <= self.reach[1]))

    def errors(self, block: Array) -> tuple[float, float]:
        """Distance of the centroid (mm) and of the yaw (rad) of a pose (3,) from the goal."""
        away = to_world(block, self.centroid) - to_world(self.goal, self.centroid)
        return float(np.linalg.norm(away)), float(np.abs(wrap(block[2] - self.goal[2])))

    def corner_distance(self, blocks: Array, target: Array) -> Array:
        """Root mean square distance (K,) of the corners at poses (K, 3) from the corners at pose (3,), mm."""
        gap = to_world(blocks[:, None], self.vertices) - to_world(target, self.vertices)
        return np.sqrt((gap**2).sum(axis=-1).mean(axis=-1))

    def clearance(self, points: Array, block: Array) -> Array:
        """Distance from points (K, 2) in the world to the block at poses (K, 3) or (3,), mm; negative inside."""
        local = to_block(block, points)
        return np.min([signed_distance(local, polygon)[0] for polygon in self.polygons], axis=0)


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


def wrap(angle: Array) -> Array:
    """Angle in [-pi, pi)."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def rotate(vectors: Array, yaw: Array | float) -> Array:
    """Vectors (..., 2) turned by yaw (...), counterclockwise from x to y."""
    c, s = np.cos(yaw), np.sin(yaw)
    x, y = vectors[..., 0], vectors[..., 1]
    return np.stack([c * x - s * y, s * x + c * y], axis=-1)


def to_world(pose: Array, points: Array) -> Array:
    """World coordinates of points given in the block frame. Shapes broadcast: pose (..., 3), points (..., 2)."""
    return rotate(points, pose[..., 2]) + pose[..., :2]


def to_block(pose: Array, points: Array) -> Array:
    """Block-frame coordinates of points given in the world. Shapes broadcast: pose (..., 3), points (..., 2)."""
    return rotate(points - pose[..., :2], -pose[..., 2])


def signed_distance(points: Array, polygon: Array) -> tuple[Array, Array]:
    """Distance (K,) from points (K, 2) to the outline of a simple polygon (V, 2), negative inside.

    Also returns the unit vectors (K, 2) along which the distance grows.
    """
    ax, ay = polygon[:, 0], polygon[:, 1]
    bx, by = np.roll(ax, -1), np.roll(ay, -1)
    ex, ey = bx - ax, by - ay
    mm, py = points[:, 0, None], points[:, 1, None]
    dx, dy = mm - ax, py - ay  # (K, V)
    along = np.clip((dx * ex + dy * ey) / (ex * ex + ey * ey), 0.0, 1.0)
    crossings = ((ay > py) != (by > py)) & ((ex * dy - ey * dx) * np.sign(by - ay) > 0)  # even-odd rule
    dx, dy = dx - along * ex, dy - along * ey
    squares = dx * dx + dy * dy
    nearest = np.argmin(squares, axis=1)
    rows = np.arange(len(points))
    distance = np.sqrt(squares[rows, nearest])
    sign = np.where(crossings.sum(axis=1) % 2 == 1, -1.0, 1.0)
    away = np.stack([dx[rows, nearest], dy[rows, nearest]], axis=-1)
    edge = np.stack([ey[nearest], -ex[nearest]], axis=-1) * (1.0 if signed_area(polygon) > 0 else -1.0)
    on_outline = distance < 1e-9
    normal = np.where(on_outline[:, None], edge, away * sign[:, None])
    return distance * sign, normal / np.linalg.norm(normal, axis=1, keepdims=True)


def signed_area(polygon: Array) -> float:
    """Area of a polygon (V, 2), positive if its corners run counterclockwise (shoelace formula)."""
    x, y = polygon[:, 0], polygon[:, 1]
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def area_moments(polygons: tuple[Array, ...]) -> tuple[float, Array, float]:
    """Area (mm^2), centroid (2,) and gyration radius (mm) of disjoint polygons, by Green's theorem."""
    area, first, second = 0.0, np.zeros(2), 0.0
    for polygon in polygons:
        following = np.roll(polygon, -1, axis=0)
        cross = polygon[:, 0] * following[:, 1] - following[:, 0] * polygon[:, 1]
        sign = 1.0 if cross.sum() > 0 else -1.0
        area += sign * cross.sum() / 2
        first += sign * (cross[:, None] * (polygon + following)).sum(axis=0) / 6
        squares = polygon**2 + polygon * following + following**2
        second += sign * (cross[:, None] * squares).sum() / 12
    centroid = first / area
    return area, centroid, float(np.sqrt(second / area - centroid @ centroid))


def outline_points(scene: Scene, spacing: float) -> tuple[Array, Array]:
    """Points (N, 2) on the block's outer outline, at most `spacing` mm apart, and their outward normals (N, 2).

    Block frame. Points on an edge shared by two polygons are left out.
    """
    points, normals = [], []
    for polygon in scene.polygons:
        turn = 1.0 if signed_area(polygon) > 0 else -1.0
        for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            length = float(np.linalg.norm(b - a))
            count = max(1, int(np.ceil(length / spacing)))
            fractions = (np.arange(count) + 0.5) / count
            points.append(a + fractions[:, None] * (b - a))
            normals.append(np.tile(turn * np.array([b[1] - a[1], a[0] - b[0]]) / length, (count, 1)))
    points_, normals_ = np.vstack(points), np.vstack(normals)
    outside = scene.clearance(points_ + 0.01 * scene.pusher_radius * normals_, np.zeros(3)) > 0
    return points_[outside], normals_[outside]

"""Plane geometry of pushing: rigid poses, distances to polygons, and what a scene is made of.

Lengths are in the unit of `geometry.py` (px or mm), angles radians. A pose is (x, y, yaw) of the block frame in the
world frame.
Arrays of poses have shape (K, 3), arrays of points (K, 2).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class State:
    """What the policy believes now.

    Attributes:
        pusher: Centre of the pusher, world frame, shape (2,).
        velocity: Velocity of the pusher, per second, shape (2,).
        block: Pose of the block, shape (3,).
    """

    pusher: Array
    velocity: Array
    block: Array


@dataclass(frozen=True, kw_only=True)
class Push:
    """A straight push: go to `start`, then move along `direction` for `length`.

    Attributes:
        start: Centre of the pusher before it touches the block, world frame, shape (2,).
        direction: Unit vector, world frame, shape (2,).
        length: Way of the pusher from `start`.
        outcome: Pose of the block that the planner expects after the push, shape (3,).
    """

    start: Array
    direction: Array
    length: float
    outcome: Array

    @property
    def end(self) -> Array:
        """Centre of the pusher at the end of the push, world frame, shape (2,)."""
        return self.start + self.length * self.direction


@dataclass(frozen=True, kw_only=True)
class PushScene:
    """The stated facts of a pushing task in a plane; `geometry.py` adds what its own kind of pusher needs.

    Attributes:
        polygons: Simple polygons that make up the block, each (V, 2) in the block frame.
        goal: Goal pose of the block, shape (3,).
        pusher_radius: Of the round pusher.
        arena: Where the block should stay: x_low, y_low, x_high, y_high.
        weight_centre: Centre of gravity in the block frame, shape (2,).
        action_low, action_high: Box of the places where the pusher may go, shape (2,).
        period_s: Control period.
        lifted: Whether the pusher travels above the block: then it starts no push from where it is.
    """

    polygons: tuple[Array, ...]
    goal: Array
    pusher_radius: float
    arena: Array
    weight_centre: Array
    action_low: Array
    action_high: Array
    period_s: float
    lifted: bool

    @cached_property
    def vertices(self) -> Array:
        """All polygon corners in the block frame, shape (V, 2)."""
        return np.vstack(self.polygons)

    @cached_property
    def centroid(self) -> Array:
        """Centre of area in the block frame, shape (2,)."""
        return area_moments(self.polygons)[1]

    @cached_property
    def gyration_radius(self) -> float:
        """Root mean square distance of the block's area from its centroid."""
        return area_moments(self.polygons)[2]

    @cached_property
    def block_radius(self) -> float:
        """Largest distance of a corner from the centroid."""
        return float(np.linalg.norm(self.vertices - self.centroid, axis=1).max())

    def clip(self, point: Array) -> Array:
        """Point inside the action box."""
        return np.clip(point, self.action_low, self.action_high)

    def reachable(self, points: Array) -> NDArray[np.bool_]:
        """Which points (K, 2) the pusher can work at."""
        return np.asarray(np.all((points >= self.action_low) & (points <= self.action_high), axis=-1))

    def way(self, pusher: Array, starts: Array, block: Array) -> Array:
        """Way (K,) of the pusher (2,) to starts (K, 2); straight for one that is lifted over the block (3,)."""
        del block  # Unused.
        return np.linalg.norm(starts - pusher, axis=1)

    def corner_distance(self, blocks: Array, target: Array) -> Array:
        """Root mean square distance (K,) of the corners at poses (K, 3) from the corners at pose (3,)."""
        gap = to_world(blocks[:, None], self.vertices) - to_world(target, self.vertices)
        return np.sqrt((gap**2).sum(axis=-1).mean(axis=-1))

    def clearance(self, points: Array, block: Array) -> Array:
        """Distance from points (K, 2) in the world to the block at poses (K, 3) or (3,); negative inside."""
        local = to_block(block, points)
        return np.min([signed_distance(local, polygon)[0] for polygon in self.polygons], axis=0)


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
    px, py = points[:, 0, None], points[:, 1, None]
    dx, dy = px - ax, py - ay  # (K, V)
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
    """Area, centroid (2,) and gyration radius of disjoint polygons, by Green's theorem."""
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


def outline_points(scene: PushScene, spacing: float) -> tuple[Array, Array]:
    """Points (N, 2) on the block's outer outline, at most `spacing` apart, and their outward normals (N, 2).

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

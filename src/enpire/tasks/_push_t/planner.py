"""Which straight push to make next: all contacts, directions and lengths are imagined, the best rate of progress wins.

Quasi-static pushing with an ellipsoidal limit surface (Goyal, Ruina and Papadopoulos 1991; Lynch and Mason 1996).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enpire.tasks._push_t import block

Array = NDArray[np.float64]

PUSHER_RADIUS_M = 0.0072
SPACING_M = 0.01
"""Between contacts along the outline."""
GAP_M = 0.012
"""Between pusher and block where a push starts: the pusher comes down there."""
FAN_RAD = np.radians((-30.0, -15.0, 0.0, 15.0, 30.0))
SHORTEST_M, LONGEST_M, LENGTHS = 0.003, 0.16, 12
"""Ways of the block's contact point, geometric from the shortest to the longest."""
SUBSTEP_M = 0.004
FRICTION = 0.7
"""Tangential over normal force that the contact surely carries."""
SPIN_M = 0.062
"""Ratio of largest friction torque to largest friction force of the block on the table."""
OVERHEAD_S = 6.0
"""Of a push, beside its own way: look, go there, come back."""
SPEED_M_S = 0.06
SEAT_M = 0.001
"""Cost below which nothing is gained."""


@dataclass(frozen=True, kw_only=True)
class Push:
    """A straight push on the table.

    Attributes:
        start, end: Centers of the pusher, m, world frame, shape (2,).
        outcome: Pose of the block that is expected after it, shape (3,).
    """

    start: Array
    end: Array
    outcome: Array


def cost(poses: Array, goal: Array) -> Array:
    """How far poses (K, 3) are from a goal, m: root of squared center distance plus squared arc of the yaw error."""
    away = np.linalg.norm(block.center(poses) - block.center(goal), axis=-1)
    return np.asarray(np.hypot(away, SPIN_M * block.wrap(poses[..., 2] - goal[2])))


def plan(pose: Array, goal: Array, reachable: Callable[[Array], NDArray[np.bool_]]) -> Push | None:
    """Best next push from one pose (3,) towards another; None if the block cannot be reached.

    Args:
        pose, goal: Of the block.
        reachable: Which pusher centers (K, 2) the robot can go to.
    """
    contacts, inward = _contacts()
    directions = np.repeat(inward[:, None], len(FAN_RAD), axis=1)
    directions = _turn(directions, FAN_RAD[None]).reshape(-1, 2)
    starts = _turn(np.repeat(contacts, len(FAN_RAD), axis=0), pose[2]) + pose[:2]
    directions = _turn(directions, pose[2])
    free = reachable(starts)
    if not free.any():
        return None
    starts, directions = starts[free], directions[free]
    now = float(cost(pose, goal))
    longest = min(LONGEST_M, max(1.5 * now, 4 * SHORTEST_M))
    ways = GAP_M + np.geomspace(SHORTEST_M, longest, LENGTHS)
    outcomes = roll(np.tile(pose, (len(starts), 1)), starts, directions, ways)  # (L, K, 3)
    ends = starts + ways[:, None, None] * directions
    after = cost(outcomes, goal)
    rate = np.log((after + SEAT_M) / (now + SEAT_M)) / (OVERHEAD_S + ways[:, None] / SPEED_M_S)
    moved = np.abs(outcomes - pose).max(axis=-1) > 1e-6
    fine = moved & reachable(ends.reshape(-1, 2)).reshape(moved.shape)
    if not fine.any():
        return None
    rung, best = np.unravel_index(int(np.argmin(np.where(fine, rate, np.inf))), rate.shape)
    return Push(start=starts[best], end=ends[rung, best], outcome=outcomes[rung, best])


def roll(poses: Array, starts: Array, directions: Array, ways: Array) -> Array:
    """Poses (L, K, 3) of K blocks after K straight pushes of each of L rising ways, m.

    Args:
        poses: (K, 3).
        starts: Pusher centers (K, 2), world frame.
        directions: Unit vectors (K, 2).
        ways: Of the pusher, (L,).
    """
    found, done, pushers = [], 0.0, starts
    for way in ways:
        count = max(1, int(np.ceil((way - done) / SUBSTEP_M)))
        motion = directions * ((way - done) / count)
        for _ in range(count):
            pushers = pushers + motion
            poses = _press(poses, pushers, motion)
        found.append(poses)
        done = float(way)
    return np.array(found)


def _press(poses: Array, pushers: Array, motions: Array) -> Array:
    """Poses (K, 3) after pushers moved by `motions` (K, 2) to `pushers` (K, 2).

    A force f at arm r moves the center by f and turns the block by (r x f) / s². While the pusher sticks, the contact
    point moves as it does; beyond the friction cone it slides, and only the overlap is undone.
    """
    local = _turn(pushers - poses[:, :2], -poses[:, 2])
    distance, outward = _distance(local)
    depth = np.maximum(PUSHER_RADIUS_M - distance, 0.0)
    touching = depth > 0
    if not touching.any():
        return poses
    normal = -outward
    tangent = np.stack([-normal[:, 1], normal[:, 0]], axis=1)
    slip = np.where(touching, (_turn(motions, -poses[:, 2]) * tangent).sum(axis=1), 0.0)
    arm = local - outward * distance[:, None] - block.CENTER_M
    by_normal, by_tangent = _cross(arm, normal), _cross(arm, tangent)
    nn, nt, tt = 1 + (by_normal / SPIN_M) ** 2, by_normal * by_tangent / SPIN_M**2, 1 + (by_tangent / SPIN_M) ** 2
    determinant = nn * tt - nt**2
    f_n = (tt * depth - nt * slip) / determinant
    f_t = (nn * slip - nt * depth) / determinant
    edge = np.sign(f_t) * FRICTION
    slides = (np.abs(f_t) > FRICTION * f_n) | (f_n < 0)
    f_n = np.where(slides, depth / np.maximum(nn + edge * nt, 0.2), f_n)
    f_t = np.where(slides, edge * f_n, f_t)
    turn = (f_n * by_normal + f_t * by_tangent) / SPIN_M**2
    step = f_n[:, None] * normal + f_t[:, None] * tangent
    moved = _turn(block.CENTER_M + step - _turn(np.broadcast_to(block.CENTER_M, step.shape), turn), poses[:, 2])
    return np.column_stack([poses[:, :2] + moved, poses[:, 2] + turn])


def _distance(points: Array) -> tuple[Array, Array]:
    """Distance (K,) of points (K, 2) to the outline, negative inside, and the outward direction (K, 2); block frame."""
    best = np.full(len(points), np.inf)
    outward = np.zeros((len(points), 2))
    for low, high in (block.BAR_M, block.STEM_M):
        middle, half = (np.array(low) + high) / 2, (np.array(high) - low) / 2
        offset = points - middle
        over = np.abs(offset) - half
        outside = np.linalg.norm(np.maximum(over, 0.0), axis=1)
        distance = outside + np.minimum(over.max(axis=1), 0.0)
        away = np.sign(offset) * np.maximum(over, 0.0)
        flat = np.zeros_like(away)
        axis = np.argmax(over, axis=1)
        flat[np.arange(len(points)), axis] = np.sign(offset[np.arange(len(points)), axis])
        away = np.where(outside[:, None] > 1e-12, away / np.maximum(outside, 1e-12)[:, None], flat)
        nearer = distance < best
        best, outward = np.where(nearer, distance, best), np.where(nearer[:, None], away, outward)
    return best, outward


def _contacts() -> tuple[Array, Array]:
    """Pusher centers (N, 2) at the gap off the outline and directions (N, 2) inward, block frame, clear of the rest."""
    centers, inward = [], []
    for polygon in block.polygons():
        for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            length = float(np.linalg.norm(b - a))
            shares = (np.arange(round(length / SPACING_M)) + 0.5) / round(length / SPACING_M)
            normal = np.array([b[1] - a[1], a[0] - b[0]]) / length  # outward: corners run counter-clockwise
            centers.append(a + shares[:, None] * (b - a) + (PUSHER_RADIUS_M + GAP_M) * normal)
            inward.append(np.tile(-normal, (len(shares), 1)))
    found, directions = np.vstack(centers), np.vstack(inward)
    clear = _distance(found)[0] > PUSHER_RADIUS_M + 0.9 * GAP_M
    return found[clear], directions[clear]


def _cross(a: Array, b: Array) -> Array:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


def _turn(vectors: Array, angle: Array | float) -> Array:
    """Vectors (..., 2) turned counter-clockwise by angles (...)."""
    c, s = np.cos(angle), np.sin(angle)
    x, y = vectors[..., 0], vectors[..., 1]
    return np.stack([c * x - s * y, s * x + c * y], axis=-1)

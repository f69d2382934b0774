"""Imagined pushes, shared by the planners: where they can start, and what a push model says they do."""

from typing import Protocol

import numpy as np
from geometry import Array, Scene, State, outline_points, rotate, to_world


class PushModel(Protocol):
    """How the block moves when the pusher presses on it."""

    def advance(self, blocks: Array, pushers: Array, motions: Array) -> Array:
        """Poses (K, 3) of blocks after the pushers moved by `motions` (K, 2) to `pushers` (K, 2)."""
        ...


class Cost(Protocol):
    """The cost slot, as a planner sees it."""

    def __call__(self, blocks: Array) -> Array:
        """Cost (K,) of poses (K, 3), px."""
        ...


class Lengths(Protocol):
    """The lengths slot, as a planner sees it."""

    def choose(self, block: Array, cost: float) -> Array:
        """Rising push lengths (L,), px."""
        ...


class Recovery(Protocol):
    """The recovery slot, as a planner sees it."""

    def penalty(self, block: Array, starts: Array, directions: Array) -> Array:
        """Extra cost (K,) of pushes, px."""
        ...


def contact_starts(scene: Scene, spacing: float, gap: float) -> tuple[Array, Array]:
    """Pusher centres (N, 2) that stand `gap` px off the outline, `spacing` px apart, and the directions (N, 2) inward.

    Block frame. Centres that would touch another part of the block are left out.
    """
    points, normals = outline_points(scene, spacing)
    centres = points + (scene.pusher_radius + gap) * normals
    free = scene.clearance(centres, np.zeros(3)) > scene.pusher_radius + 0.5 * gap
    return centres[free], -normals[free]


def roll(model: PushModel, blocks: Array, starts: Array, directions: Array, lengths: Array, substep: float) -> Array:
    """Poses (L, K, 3) of K blocks after K straight pushes of each of L rising lengths, px.

    `blocks` (K, 3), `starts` and `directions` (K, 2), world frame. The pusher advances by `substep` px at most.
    """
    poses, done, pushers = [], 0.0, starts
    for length in lengths:
        count = max(1, int(np.ceil((length - done) / substep)))
        motion = directions * ((length - done) / count)
        for _ in range(count):
            pushers = pushers + motion
            blocks = model.advance(blocks, pushers, motion)
        poses.append(blocks)
        done = float(length)
    return np.array(poses)


def outside(scene: Scene, blocks: Array) -> Array:
    """How far (K,) the block at poses (K, 3) sticks out of the arena, px."""
    corners = to_world(blocks[:, None], scene.vertices)
    over = np.maximum(scene.arena[:2] - corners, corners - scene.arena[2:])
    return np.maximum(over, 0.0).max(axis=(-1, -2))


def travel_distance(scene: Scene, pusher: Array, starts: Array, block: Array) -> Array:
    """Rough way (K,) from the pusher (2,) to starts (K, 2), px: straight if free, else round the block on a circle."""
    direct = np.linalg.norm(starts - pusher, axis=1)
    between = pusher + np.linspace(0.1, 0.9, 9)[:, None, None] * (starts - pusher)  # (9, K, 2)
    free = scene.clearance(between.reshape(-1, 2), block).reshape(9, -1).min(axis=0) > 0.8 * scene.pusher_radius
    centre = to_world(block, scene.centroid)
    a, b = pusher - centre, starts - centre
    angle = np.abs(np.arctan2(a[0] * b[:, 1] - a[1] * b[:, 0], b @ a))
    ring = scene.block_radius + scene.pusher_radius
    radial = np.abs(ring - np.linalg.norm(a)) + np.abs(ring - np.linalg.norm(b, axis=1))
    return np.where(free, direct, np.maximum(direct, 0.7 * (radial + ring * angle)))


def choices(
    scene: Scene, state: State, starts: Array, inward: Array, turns: Array, around: int
) -> tuple[Array, Array, Array]:
    """Pushes to choose from: starts (K, 2), directions (K, 2), and the way to each start (K,), px, world frame.

    Args:
        scene: The scene.
        state: From where.
        starts, inward: Contacts (N, 2) in the block frame, from `contact_starts`.
        turns: Angles (F,) by which directions differ from `inward`, rad.
        around: Number of evenly spread directions to try from where the pusher is now, without any way.
    """
    places = to_world(state.block, starts)
    inside = np.all((places >= scene.action_low) & (places <= scene.action_high), axis=1)
    places = places[inside]
    way = travel_distance(scene, state.pusher, places, state.block)
    directions = rotate(inward[inside][:, None], state.block[2] + turns)  # (N, F, 2)
    angles = np.linspace(0.0, 2 * np.pi, around, endpoint=False)
    return (
        np.concatenate([np.repeat(places, len(turns), axis=0), np.tile(state.pusher, (around, 1))]),
        np.concatenate([directions.reshape(-1, 2), np.stack([np.cos(angles), np.sin(angles)], axis=1)]),
        np.concatenate([np.repeat(way, len(turns)), np.zeros(around)]),
    )

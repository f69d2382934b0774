"""Imagined pushes, shared by the planners: where they can start, and what a push model says they do.

Lengths are in the unit of `geometry.py` (px or mm).
"""

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
        """Cost (K,) of poses (K, 3)."""
        ...


class Lengths(Protocol):
    """The lengths slot, as a planner sees it."""

    def choose(self, block: Array, cost: float) -> Array:
        """Rising push lengths (L,)."""
        ...


class Recovery(Protocol):
    """The recovery slot, as a planner sees it."""

    def penalty(self, block: Array, starts: Array, directions: Array) -> Array:
        """Extra cost (K,) of pushes."""
        ...


def contact_starts(scene: Scene, spacing: float, gap: float) -> tuple[Array, Array]:
    """Pusher centres (N, 2) that stand `gap` off the outline, `spacing` apart, and the directions (N, 2) inward.

    Block frame. Centres that would touch another part of the block are left out.
    """
    points, normals = outline_points(scene, spacing)
    centres = points + (scene.pusher_radius + gap) * normals
    free = scene.clearance(centres, np.zeros(3)) > scene.pusher_radius + 0.5 * gap
    return centres[free], -normals[free]


def roll(model: PushModel, blocks: Array, starts: Array, directions: Array, lengths: Array, substep: float) -> Array:
    """Poses (L, K, 3) of K blocks after K straight pushes of each of L rising lengths.

    `blocks` (K, 3), `starts` and `directions` (K, 2), world frame. The pusher advances by `substep` at most.
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
    """How far (K,) the block at poses (K, 3) sticks out of the arena."""
    corners = to_world(blocks[:, None], scene.vertices)
    over = np.maximum(scene.arena[:2] - corners, corners - scene.arena[2:])
    return np.maximum(over, 0.0).max(axis=(-1, -2))


def choices(
    scene: Scene, state: State, starts: Array, inward: Array, turns: Array, around: int
) -> tuple[Array, Array, Array]:
    """Pushes to choose from: starts (K, 2), directions (K, 2), and the way to each start (K,), world frame.

    Args:
        scene: The scene.
        state: From where.
        starts, inward: Contacts (N, 2) in the block frame, from `contact_starts`.
        turns: Angles (F,) by which directions differ from `inward`, rad.
        around: Number of evenly spread directions to try from where the pusher is now, without any way; none for a
            pusher that is lifted between pushes.
    """
    places = to_world(state.block, starts)
    inside = scene.reachable(places)
    if scene.lifted and not inside.any():
        inside[:] = True  # something must be tried
    places = places[inside]
    way = np.repeat(scene.way(state.pusher, places, state.block), len(turns))
    directions = rotate(inward[inside][:, None], state.block[2] + turns).reshape(-1, 2)  # (N F, 2)
    places = np.repeat(places, len(turns), axis=0)
    if scene.lifted:
        return places, directions, way
    angles = np.linspace(0.0, 2 * np.pi, around, endpoint=False)
    return (
        np.concatenate([places, np.tile(state.pusher, (around, 1))]),
        np.concatenate([directions, np.stack([np.cos(angles), np.sin(angles)], axis=1)]),
        np.concatenate([way, np.zeros(around)]),
    )

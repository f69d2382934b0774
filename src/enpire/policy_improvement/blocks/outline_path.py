"""Shortest way round the block, close to its outline."""

import numpy as np
from geometry import Array, Scene, signed_area, to_world

SAMPLES = 14
BLOCKED = 30.0
"""A leg that would hit the block counts this many times its length, so that there is always a best path."""


class Navigator:
    """Visibility graph over corners moved outward, searched with Bellman and Ford's algorithm at every call.

    Legs between the moved corners are checked once, in the block frame; those from the pusher and to the goal at
    every call. A leg is free if it stays `clearance` beyond the pusher's radius, or no nearer than its ends.
    """

    def __init__(self, scene: Scene, parameters: dict[str, float]) -> None:
        self.scene = scene
        self.keep = (1.0 + parameters["clearance"]) * scene.pusher_radius
        nodes = np.vstack([_outset(polygon, 1.1 * self.keep) for polygon in scene.polygons])
        self.nodes = nodes[scene.clearance(nodes, np.zeros(3)) >= self.keep]
        count = len(self.nodes)
        pairs = self._legs(np.repeat(self.nodes, count, axis=0), np.tile(self.nodes, (count, 1)), np.zeros(3))
        self.legs = pairs.reshape(count, count)

    def path(self, pusher: Array, goal: Array, block: Array) -> Array:
        """Way points (M, 2) from the pusher (2,) to the goal (2,), the goal last, px, world frame."""
        ideal = to_world(block, self.nodes)
        nodes = self.scene.clip(ideal)  # between block and wall it gets narrow: what still leaves room is used
        usable = self.scene.clearance(nodes, block) > 1.02 * self.scene.pusher_radius
        nodes, count = nodes[usable], int(usable.sum())
        ends = np.vstack([nodes, goal])
        first = self._legs(np.tile(pusher, (count + 1, 1)), ends, block)
        last = self._legs(nodes, np.tile(goal, (count, 1)), block)
        legs = self.legs[np.ix_(usable, usable)]
        if np.any(nodes != ideal[usable]):
            pairs = self._legs(np.repeat(nodes, count, axis=0), np.tile(nodes, (count, 1)), block)
            legs = pairs.reshape(count, count)
        far, follow = last, np.full(count, count)  # way to the goal and next node; `count` stands for the goal
        for _ in range(count):
            via = legs + far
            better = via.min(axis=1, initial=np.inf) < far - 1e-9
            if not better.any():
                break
            follow = np.where(better, np.argmin(via, axis=1), follow)
            far = np.where(better, via.min(axis=1), far)
        path: list[Array] = []
        node = int(np.argmin(first + np.append(far, 0.0)))
        while node != count and len(path) <= count:
            path.append(nodes[node])
            node = int(follow[node])
        return np.array([*path, goal])

    def _legs(self, starts: Array, ends: Array, block: Array) -> Array:
        """Cost (K,) of straight legs between points (K, 2), px."""
        points = starts + np.linspace(0.0, 1.0, SAMPLES)[:, None, None] * (ends - starts)  # (SAMPLES, K, 2)
        clearance = self.scene.clearance(points.reshape(-1, 2), block).reshape(SAMPLES, -1)
        needed = np.minimum(0.98 * self.keep, np.minimum(clearance[0], clearance[-1]) - 0.1)
        free = np.all(clearance >= needed, axis=0)
        return np.linalg.norm(ends - starts, axis=1) * np.where(free, 1.0, BLOCKED)


def _outset(polygon: Array, distance: float) -> Array:
    """Two points per corner, each `distance` px outside both edges or further along one of them, shape (2 V, 2)."""
    turn = 1.0 if signed_area(polygon) > 0 else -1.0
    edge = np.roll(polygon, -1, axis=0) - polygon
    edge /= np.linalg.norm(edge, axis=1, keepdims=True)
    normal = turn * np.stack([edge[:, 1], -edge[:, 0]], axis=1)
    before, bisector = np.roll(normal, 1, axis=0), normal + np.roll(normal, 1, axis=0)
    bisector /= np.maximum(np.linalg.norm(bisector, axis=1, keepdims=True), 1e-9)
    nodes = []
    for side in (before, normal):  # half way between the edge's normal and the bisector: cuts the corner like a circle
        lean = side + bisector
        lean /= np.linalg.norm(lean, axis=1, keepdims=True)
        nodes.append(polygon + lean * distance / np.maximum((lean * bisector).sum(axis=1), 0.5)[:, None])
    return np.vstack(nodes)

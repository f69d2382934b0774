"""RRT-Connect: two trees of collision-free postures grow towards each other; then the path is cut short.

After Kuffner and LaValle, "RRT-Connect: An efficient approach to single-query path planning", ICRA 2000.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import BadInput
from enpire.tools.bounds import Joints, Path, Range
from enpire.tools.errors import NoPath
from enpire.tools.kinematics.arm import Arm
from enpire.tools.planning.collisions import Box, Collisions

TOOLS = ("plan",)

STRIDE_M = 0.25
"""Length of a branch, as the largest way that any point of the robot makes."""
CUTS = 60
"""Attempts to cut a path short."""
_NEAR_M = 1e-9


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A collision-free path.

    Attributes:
        path: Corners of the path, joint positions in rad, start and goal included; lines between them are free.
        checks: Postures that were looked at.
    """

    path: Path
    checks: int


def plan(
    arms: tuple[Arm, ...],
    q_start: Joints,
    q_goal: Joints,
    boxes: tuple[Box, ...] = (),
    resting: dict[str, Joints] | None = None,
    margin_m: Annotated[float, Range(0.001, 0.1)] = 0.01,
    opening: Annotated[float, Range(0.0, 1.0)] = 1.0,
    seed: Annotated[int, Range(0, 2**31)] = 0,
    checks: Annotated[int, Range(1, 20_000)] = 5_000,
) -> Plan:
    """Collision-free path of one arm or several from one posture to another. Equal arguments give equal paths.

    Args:
        arms: Arms that move.
        q_start, q_goal: Joint positions in rad, arm after arm.
        boxes: Obstacles, and what an arm carries.
        resting: Joint positions of arms that stand still, by name; those not named stand at zero.
        margin_m: Distance to keep from table, boxes and other arms.
        opening: Of the grippers on the way.
        seed: Of the random samples.
        checks: Postures that may be looked at before it gives up.

    Raises:
        NoPath: Start or goal is not free (says what is near), or the budget ran out.
    """
    collisions = Collisions(arms, boxes, resting=resting, margin_m=margin_m, opening=opening)
    return connect(collisions, q_start, q_goal, seed=seed, checks=checks)


def connect(
    collisions: Collisions, q_start: NDArray[np.float64], q_goal: NDArray[np.float64], *, seed: int, checks: int
) -> Plan:
    """Path between two postures of a collision checker; see `plan`."""
    for name, q in (("start", q_start), ("goal", q_goal)):
        _admit(collisions, name, q)
    already, random = collisions.checks, np.random.default_rng(seed)
    first, second = _Tree(q_start), _Tree(q_goal)
    sample = q_goal
    while True:
        new = first.grow(sample, collisions)
        if new is not None and (met := second.reach(first.nodes[new], collisions)) is not None:
            break
        first, second = second, first
        if collisions.checks - already >= checks:
            raise NoPath(
                f"no path within {checks} checks of postures ({len(first.nodes)} and {len(second.nodes)} postures "
                f"reached from the two ends); allow more checks, a smaller margin or another goal"
            )
        sample = random.uniform(collisions.low, collisions.high)
    one, other = first.way(new), second.way(met)
    corners = [*one, *reversed(other[:-1])]
    if not np.array_equal(corners[0], q_start):
        corners.reverse()
    corners = _shorten(corners, collisions, random, already + checks)
    return Plan(path=np.array(corners), checks=collisions.checks - already)


def _admit(collisions: Collisions, name: str, q: NDArray[np.float64]) -> None:
    if q.shape != collisions.low.shape:
        raise BadInput(f"the {name} needs {len(collisions.low)} joint positions, not {q!r}")
    outside = np.flatnonzero((q < collisions.low) | (q > collisions.high))
    if len(outside):
        joint = [joint for arm in collisions.arms for joint in arm.joints][outside[0]]
        low, high = collisions.low[outside[0]], collisions.high[outside[0]]
        raise NoPath(f"the {name} is outside the joint limits: {joint} must lie in [{low:g}, {high:g}]")
    near = collisions.nearest(q)
    if near is not None:
        raise NoPath(f"the {name} is not free: {near}")


class _Tree:
    """Postures reached from one end, each with the one it was reached from."""

    def __init__(self, root: NDArray[np.float64]) -> None:
        self.nodes, self._parents = [np.array(root, dtype=np.float64)], [-1]

    def grow(self, target: NDArray[np.float64], collisions: Collisions) -> int | None:
        """One branch towards a posture; the new node, or None if something is in the way."""
        return self._branch(self._nearest(target, collisions), target, collisions)

    def reach(self, target: NDArray[np.float64], collisions: Collisions) -> int | None:
        """Branches towards a posture until it is reached (its node) or something is in the way (None)."""
        node: int | None = self._nearest(target, collisions)
        while node is not None:
            if np.abs(self.nodes[node] - target).max() < _NEAR_M:
                return node
            node = self._branch(node, target, collisions)
        return None

    def way(self, node: int) -> list[NDArray[np.float64]]:
        """Postures from the root to a node."""
        way = []
        while node >= 0:
            way.append(self.nodes[node])
            node = self._parents[node]
        return way[::-1]

    def _nearest(self, target: NDArray[np.float64], collisions: Collisions) -> int:
        return int(np.argmin(np.abs(np.array(self.nodes) - target) @ collisions.reaches_m))

    def _branch(self, start: int, target: NDArray[np.float64], collisions: Collisions) -> int | None:
        way = target - self.nodes[start]
        length_m = float(np.abs(way) @ collisions.reaches_m)
        end = target if length_m <= STRIDE_M else self.nodes[start] + way * (STRIDE_M / length_m)
        if collisions.between(self.nodes[start], end) is not None:
            return None
        self.nodes.append(end)
        self._parents.append(start)
        return len(self.nodes) - 1


def _shorten(
    corners: list[NDArray[np.float64]], collisions: Collisions, random: np.random.Generator, most: int
) -> list[NDArray[np.float64]]:
    """Replace parts between random points of the path by straight lines, where free."""
    for _ in range(CUTS):
        if len(corners) <= 2 or collisions.checks >= most:
            break
        ways = [float(np.abs(b - a) @ collisions.reaches_m) for a, b in pairwise(corners)]
        ends = np.concatenate([[0.0], np.cumsum(ways)])
        one, other = np.sort(random.uniform(0.0, ends[-1], size=2))
        i, j = (int(np.searchsorted(ends, s, side="right")) - 1 for s in (one, other))
        j = min(j, len(ways) - 1)
        if i == j:
            continue
        a = corners[i] + (corners[i + 1] - corners[i]) * ((one - ends[i]) / ways[i])
        b = corners[j] + (corners[j + 1] - corners[j]) * ((other - ends[j]) / ways[j])
        if collisions.between(a, b) is None:
            corners = [*corners[: i + 1], a, b, *corners[j + 1 :]]
    return _straightened(corners, collisions, most)


def _straightened(corners: list[NDArray[np.float64]], collisions: Collisions, most: int) -> list[NDArray[np.float64]]:
    """Drop every corner without which the path is still free."""
    i = 1
    while i < len(corners) - 1:
        if collisions.checks < most and collisions.between(corners[i - 1], corners[i + 1]) is None:
            del corners[i]
        else:
            i += 1
    return corners

"""Push square on the middle of an edge, whichever promises most."""

import numpy as np
from geometry import Push, Scene, State, rotate, to_world
from pushing import Cost, Lengths, PushModel, Recovery, contact_starts, outside, roll

GAP = 0.5
"""Distance of the start from the first touch, in pusher radii."""


class Planner:
    """Candidates: one push per edge, at its middle and along its normal. The cheapest outcome wins; the way is free."""

    def __init__(
        self, scene: Scene, parameters: dict[str, float], push_model: PushModel, cost: Cost, lengths: Lengths
    ) -> None:
        del parameters  # Unused.
        self.scene, self.push_model, self.cost, self.lengths = scene, push_model, cost, lengths
        self.starts, self.inward = contact_starts(scene, 10.0 * scene.block_radius, GAP * scene.pusher_radius)

    def plan(self, state: State, recovery: Recovery) -> Push:
        """Next push from this state."""
        starts = to_world(state.block, self.starts)
        directions = rotate(self.inward, state.block[2])
        blocks = np.tile(state.block, (len(starts), 1))
        lengths = self.lengths.choose(state.block, self.cost(blocks[:1])[0])
        poses = roll(self.push_model, blocks, starts, directions, lengths, 0.5 * self.scene.pusher_radius)  # (L, K, 3)
        flat = poses.reshape(-1, 3)
        total = (self.cost(flat) + 10.0 * outside(self.scene, flat)).reshape(poses.shape[:2])
        total += recovery.penalty(state.block, starts, directions)
        reachable = np.all((starts >= self.scene.action_low) & (starts <= self.scene.action_high), axis=1)
        total = np.where(reachable, total, total + 1e6)
        rung, best = np.unravel_index(np.argmin(total), total.shape)
        return Push(
            start=starts[best], direction=directions[best], length=float(lengths[rung]), outcome=poses[rung, best]
        )

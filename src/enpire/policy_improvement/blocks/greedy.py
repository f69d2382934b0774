"""Try pushes all round the outline and take the one that ends cheapest, the way there included."""

import numpy as np
from geometry import Push, Scene, State
from pushing import Cost, Lengths, PushModel, Recovery, choices, contact_starts, outside, roll

FAN = 5
"""Directions per contact."""
AROUND = 24
"""Directions from where the pusher is."""


class Planner:
    """Candidates: contacts along the outline times a fan of directions, and a full fan from where the pusher is.

    The best push has the fastest relative decay, log(cost after / cost now) per control step, where `seat` is added to
    both costs (below it nothing is gained) and the steps are `overhead` plus the way at `stride` per step. Overlap
    with a wall counts three times. All candidates are imagined at once with the push model.
    """

    def __init__(
        self, scene: Scene, parameters: dict[str, float], push_model: PushModel, cost: Cost, lengths: Lengths
    ) -> None:
        self.scene, self.push_model, self.cost, self.lengths = scene, push_model, cost, lengths
        radius = scene.pusher_radius
        self.overhead = parameters["overhead"]
        self.seat = parameters["seat"] * radius
        self.stride = parameters["stride"] * radius
        self.substep = parameters["substep"] * radius
        self.starts, self.inward = contact_starts(scene, parameters["spacing"] * radius, parameters["gap"] * radius)
        self.turns = np.radians(parameters["fan"]) * np.linspace(-1.0, 1.0, FAN)

    def plan(self, state: State, recovery: Recovery) -> Push:
        """Next push from this state."""
        starts, directions, way = choices(self.scene, state, self.starts, self.inward, self.turns, AROUND)
        blocks = np.tile(state.block, (len(starts), 1))
        lengths = self.lengths.choose(state.block, float(self.cost(state.block[None])[0]))
        poses = roll(self.push_model, blocks, starts, directions, lengths, self.substep)  # (L, K, 3)
        flat = poses.reshape(-1, 3)
        now = float(self.cost(state.block[None])[0] + 3.0 * outside(self.scene, state.block[None])[0])
        after = (self.cost(flat) + 3.0 * outside(self.scene, flat)).reshape(poses.shape[:2])
        after += recovery.penalty(state.block, starts, directions)
        steps = self.overhead + (way + lengths[:, None]) / self.stride
        rate = np.log((after + self.seat) / (now + self.seat)) / steps
        rate[np.all(np.abs(poses - state.block) < 1e-6, axis=-1)] = np.inf  # a push that misses is none
        rung, best = np.unravel_index(np.argmin(rate), rate.shape)
        return Push(
            start=starts[best], direction=directions[best], length=float(lengths[rung]), outcome=poses[rung, best]
        )

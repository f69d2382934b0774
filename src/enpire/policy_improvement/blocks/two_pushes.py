"""Look two pushes ahead: a good first push is one after which a good second push is at hand."""

import numpy as np
from geometry import Array, Push, Scene, State
from pushing import Cost, Lengths, PushModel, Recovery, choices, contact_starts, outside, roll

FAN = 5
"""Directions per contact of the first push."""
SECOND_FAN = 3
"""Directions per contact of the second push."""
AROUND = 24
"""Directions from where the pusher is."""


class Planner:
    """Like `greedy`, then the best `beam` first pushes are followed by every second push.

    The best pair has the fastest relative decay, log(cost after / cost now) per control step, over both pushes; the
    best single push may win. `seat` is added to all costs, the steps of a push are `overhead` plus its way at `stride`.
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
        self.beam = max(1, round(parameters["beam"]))
        gap = parameters["gap"] * radius
        self.contacts = contact_starts(scene, parameters["spacing"] * radius, gap)
        self.second_contacts = contact_starts(scene, 1.5 * parameters["spacing"] * radius, gap)
        self.fan = np.radians(parameters["fan"])

    def plan(self, state: State, recovery: Recovery) -> Push:
        """Next push from this state."""
        turns = self.fan * np.linspace(-1.0, 1.0, FAN)
        starts, directions, way = choices(self.scene, state, *self.contacts, turns, AROUND)
        now = self._cost(state.block[None])[0]
        lengths = self.lengths.choose(state.block, float(now))
        poses = self._roll(np.tile(state.block, (len(starts), 1)), starts, directions, lengths)  # (L, K, 3)
        after = self._cost(poses) + recovery.penalty(state.block, starts, directions)
        steps = self.overhead + (way + lengths[:, None]) / self.stride
        rate = np.log((after + self.seat) / (now + self.seat)) / steps
        rate[np.all(np.abs(poses - state.block) < 1e-6, axis=-1)] = np.inf  # a push that misses is none
        order = np.argsort(rate, axis=None)
        best, best_rate = int(order[0]), rate.flat[order[0]]
        if now > 2.0 * self.seat:
            rungs, columns = np.unravel_index(order, rate.shape)
            _, fresh = np.unique(columns, return_index=True)  # one length per contact and direction
            for pick in np.sort(fresh)[: self.beam]:
                rung, column = rungs[pick], columns[pick]
                pusher = starts[column] + lengths[rung] * directions[column]
                pair = self._second(poses[rung, column], pusher, float(steps[rung, column]), now)
                if pair < best_rate:
                    best, best_rate = int(order[pick]), pair
        rung, column = np.unravel_index(best, rate.shape)
        return Push(
            start=starts[column],
            direction=directions[column],
            length=float(lengths[rung]),
            outcome=poses[rung, column],
        )

    def _second(self, block: Array, pusher: Array, spent: float, now: float) -> float:
        """Best decay rate over a first push that took `spent` steps and any second push from there."""
        state = State(pusher=pusher, velocity=np.zeros(2), block=block)
        turns = self.fan * np.linspace(-1.0, 1.0, SECOND_FAN)
        starts, directions, way = choices(self.scene, state, *self.second_contacts, turns, AROUND // 2)
        lengths = self.lengths.choose(block, float(self._cost(block[None])[0]))
        poses = self._roll(np.tile(block, (len(starts), 1)), starts, directions, lengths)
        steps = spent + self.overhead + (way + lengths[:, None]) / self.stride
        return float(np.min(np.log((self._cost(poses) + self.seat) / (now + self.seat)) / steps))

    def _roll(self, blocks: Array, starts: Array, directions: Array, lengths: Array) -> Array:
        return roll(self.push_model, blocks, starts, directions, lengths, self.substep)

    def _cost(self, poses: Array) -> Array:
        flat = poses.reshape(-1, 3)
        return (self.cost(flat) + 3.0 * outside(self.scene, flat)).reshape(poses.shape[:-1])

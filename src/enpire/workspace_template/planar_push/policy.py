"""A planar pushing policy put together from blocks: look, plan a straight push, walk to its start, push, repeat.

A slot is one import line, with other lines before and after it. To swap a slot, copy another block of that slot into
`blocks/` and name it here.
"""

# ruff: noqa: I001  (the order of the slots is the order of the story)

from typing import Any

import numpy as np

from geometry import Array, Push, Scene, State, read_scene
from parameters import values

# Where the block and the pusher are, from noisy or late observations.
from blocks.raw import Estimator  # slot: estimator

# How the pusher follows commands, and which command makes it follow a path.
from blocks.direct import Pusher  # slot: pusher

# How the block moves when the pusher presses on it.
from blocks.translate import PushModel  # slot: push_model

# How bad a block pose is.
from blocks.pose_cost import Cost  # slot: cost

# How far to push.
from blocks.fixed_length import Lengths  # slot: lengths

# Which push to make next.
from blocks.edge_middles import Planner  # slot: planner

# How to get to the start of a push.
from blocks.straight import Navigator  # slot: navigator

# What to do when a push did not help.
from blocks.no_recovery import Recovery  # slot: recovery

ARRIVED = 0.25
"""The start of a push counts as reached this near, in pusher radii."""
FINISHED = 0.08
"""A push is over when less than this share of its length is left, and no more than `ARRIVED`."""
PATIENCE = 40
"""A push is given up after this many control steps."""
DISTURBED = 0.5
"""A plan is dropped when the block has moved this far before the push began, in pusher radii."""


class Policy:
    """Closed loop over straight pushes. Every episode starts with fresh blocks."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.scene: Scene = read_scene(task)
        slots = (Estimator, Pusher, PushModel, Cost, Lengths, Planner, Navigator, Recovery)
        self.parameters = {block: values(block) for block in slots}
        self._build()

    def _build(self) -> None:
        scene, given = self.scene, self.parameters
        self.pusher = Pusher(scene, given[Pusher])
        self.push_model = PushModel(scene, given[PushModel])
        self.estimator = Estimator(scene, given[Estimator], self.pusher, self.push_model)
        self.cost = Cost(scene, given[Cost])
        self.lengths = Lengths(scene, given[Lengths])
        self.planner = Planner(scene, given[Planner], self.push_model, self.cost, self.lengths)
        self.navigator = Navigator(scene, given[Navigator])
        self.recovery = Recovery(scene, given[Recovery])
        self.push: Push | None = None
        self.planned_from = np.zeros(3)  # block pose when the push was planned
        self.pushing = False
        self.pushed = 0  # control steps of this push so far
        self.command: Array | None = None

    def reset(self, observation: dict[str, Array], instruction: str) -> None:
        """Forget the last episode."""
        del observation, instruction  # Unused.
        self._build()

    def select_action(self, observation: dict[str, Array]) -> Array:
        """Commanded pusher position, px, shape (2,)."""
        reading = np.asarray(observation["observation.state"], float)[list(self.scene.columns)]
        state = self.estimator.update(reading, self.command)
        escape = self.recovery.escape(state, self.cost(state.block[None])[0])
        if escape is not None:
            self.push, self.pushing = None, False
            wanted = self.pusher.travel(state, escape[None])
        else:
            wanted = self._follow_push(state)
        self.command = self.scene.clip(wanted)
        return self.command

    def _follow_push(self, state: State) -> Array:
        near = ARRIVED * self.scene.pusher_radius
        if self.push is not None and self.pushing and self._over(state, self.push):
            self.recovery.record(self.push, self.planned_from, state.block)
            self.push = None
        if self.push is None or (not self.pushing and self._disturbed(state)):
            self._plan(state)
        assert self.push is not None
        if not self.pushing and np.linalg.norm(self.push.start - state.pusher) < near:
            self._plan(state)  # look again from here: the estimate is better now
            self.pushing = bool(np.linalg.norm(self.push.start - state.pusher) < near)
        if self.pushing:
            self.pushed += 1
            return self.pusher.press(state, self.push.end)
        return self.pusher.travel(state, self.navigator.path(state.pusher, self.push.start, state.block))

    def _plan(self, state: State) -> None:
        self.push, self.pushing, self.pushed = self.planner.plan(state, self.recovery), False, 0
        self.planned_from = state.block.copy()

    def _over(self, state: State, push: Push) -> bool:
        left = (push.end - state.pusher) @ push.direction
        enough = min(FINISHED * push.length, ARRIVED * self.scene.pusher_radius)
        return bool(left < enough or self.pushed >= PATIENCE)

    def _disturbed(self, state: State) -> bool:
        moved = self.scene.corner_distance(state.block[None], self.planned_from)[0]
        return bool(moved > DISTURBED * self.scene.pusher_radius)

"""A pushing policy put together from blocks: look, choose a push, go there, push, retract, look again.

A slot is one import line, with other lines before and after it. To swap a slot, copy another block of that slot into
`blocks/` and name it here.
"""

# ruff: noqa: I001  (the order of the slots is the order of the story)

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from arm import Arm, Tools
from geometry import Array, Push, Scene, State, read_scene
from parameters import values

# Where the block is, by the camera.
from blocks.one_look import Eyes  # slot: eyes

# When the block is near enough to its goal.
from blocks.within_tolerance import Finish  # slot: finish

# How the block moves when the pusher presses on it.
from blocks.limit_surface import PushModel  # slot: push_model

# How bad a block pose is.
from blocks.corner_cost import Cost  # slot: cost

# How far to push.
from blocks.length_ladder import Lengths  # slot: lengths

# Which push to make next.
from blocks.edge_middles import Planner  # slot: planner

# What to do when a push did not help.
from blocks.no_recovery import Recovery  # slot: recovery

# What to command so that the pusher really goes where it is meant to.
from blocks.trust_readings import Aim  # slot: aim

# How to get to the start of a push and away from its end.
from blocks.from_above import Travel  # slot: travel

# How to push.
from blocks.plain_stroke import Stroke  # slot: stroke

SETTLE_S = 0.15
"""Before each look."""
REST_S = 1.0
"""At the goal, between looks."""


class Policy:
    """Closed loop over straight pushes. Every episode starts with fresh blocks."""

    def __init__(self, task: dict[str, Any], tools: Tools) -> None:
        self.task, self.tools = task, tools
        self.scene: Scene = read_scene(task)
        slots = (Eyes, Finish, PushModel, Cost, Lengths, Planner, Recovery, Aim, Travel, Stroke)
        self.parameters = {block: values(block) for block in slots}
        self._build()

    def _build(self) -> None:
        scene, given = self.scene, self.parameters
        self.arm = Arm(self.task, self.tools)
        self.eyes = Eyes(scene, given[Eyes])
        self.finish = Finish(scene, given[Finish])
        self.push_model = PushModel(scene, given[PushModel])
        self.cost = Cost(scene, given[Cost])
        self.lengths = Lengths(scene, given[Lengths])
        self.planner = Planner(scene, given[Planner], self.push_model, self.cost, self.lengths)
        self.recovery = Recovery(scene, given[Recovery])
        self.aim = Aim(scene, given[Aim], self.push_model)
        self.travel = Travel(scene, given[Travel])
        self.stroke = Stroke(scene, given[Stroke])
        self.motion = self._play()

    def reset(self, observation: dict[str, Array], instruction: str) -> None:
        """Forget the last episode."""
        del observation, instruction  # Unused.
        self._build()

    def select_action(self, observation: dict[str, Array]) -> Array:
        """Joint targets of both arms and gripper openings, shape (14,)."""
        self.arm.sense(observation)
        return next(self.motion)

    def _play(self) -> Iterator[Array]:
        """Actions without end."""
        block = yield from self._look()
        while True:
            if self.finish.done(block):
                yield from self.arm.hold(REST_S)
                block = yield from self.eyes.look(self.arm)
                continue
            pusher = self.arm.tool()[:2]
            state = State(pusher=pusher, velocity=np.zeros(2), block=block)
            push: Push = self.planner.plan(state, self.recovery)
            start, end = self.aim.correct(push)
            came = yield from self.travel.go(self.arm, start, end)
            went = np.array([start, start])
            if came:
                went = yield from self.stroke.push(self.arm, start, end)
                yield from self.travel.leave(self.arm)
            before = block
            block = yield from self._look()
            self.recovery.record(push, before, block)
            self.aim.record(went, before, block)

    def _look(self) -> Generator[Array, None, Array]:
        """Retract and look; returns the pose of the block, shape (3,)."""
        yield from self.travel.retract(self.arm)
        yield from self.arm.hold(SETTLE_S)
        return (yield from self.eyes.look(self.arm))

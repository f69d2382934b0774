"""A policy for tasks with vector observations and no known scene: readings become features, features an action.

A slot is one import line. Swapping a slot means copying another block of that slot into `blocks/` and naming it here.
"""

# ruff: noqa: I001  (the order of the slots is the order of the story)

from typing import Any

from interface import Actions, Array
from parameters import values

# Which numbers the controller sees.
from blocks.readings import Features  # slot: features

# How they become an action.
from blocks.middle import Controller  # slot: controller

# What happens to the action over time.
from blocks.direct_action import Output  # slot: output


class Policy:
    """Features, controller and output in a row. Every episode starts with fresh blocks."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.task = task
        self.actions = Actions(task)
        self.parameters = {block: values(block) for block in (Features, Controller, Output)}
        self._build()

    def _build(self) -> None:
        given = self.parameters
        self.features = Features(self.task, given[Features])
        self.controller = Controller(self.features.size, self.actions.size, given[Controller])
        self.output = Output(given[Output])

    def reset(self, observation: dict[str, Array], instruction: str) -> None:
        """Forget the last episode."""
        del observation, instruction  # Unused.
        self._build()

    def select_action(self, observation: dict[str, Array]) -> Array:
        """Action in the task's own units."""
        wanted = self.controller.act(self.features.read(observation))
        return self.actions.scale(self.output.update(wanted))

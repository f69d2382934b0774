"""Put a held pin into its hole: go above it, come down, search if it does not go in, come down again, press no more.

A slot is one import line, with other lines before and after it. To swap a slot, copy another block of that slot into
`blocks/` and name it here.
"""

# ruff: noqa: I001  (the order of the slots is the order of the story)

from collections.abc import Iterator
from typing import Any

from hand import Array, Hand, Tools
from parameters import values

# How the tool gets to a pose.
from blocks.plain_move import Move  # slot: move

# Where it has to go.
from blocks.nominal_aim import Aim  # slot: aim

# How it comes down.
from blocks.blind_descent import Descent  # slot: descent

# What to do when it meets something too early.
from blocks.no_search import Search  # slot: search

# Whether to begin anew with a pin that is still not in.
from blocks.one_attempt import Retry  # slot: retry

HOVER_M = 0.008
"""Tip above the box before it comes down."""
SHORT_M = 0.010
"""A pin that stands this far above the floor by the arm's readings, which are millimetres off, is not in its hole."""

PRESSES = 3
"""Of a pin that is in its hole."""


class Policy:
    """One attempt per episode. Every episode starts with fresh blocks."""

    def __init__(self, task: dict[str, Any], tools: Tools) -> None:
        self.task, self.tools = task, tools
        self.parameters = {block: values(block) for block in (Move, Aim, Descent, Search, Retry)}
        self._build()

    def _build(self) -> None:
        given, scene = self.parameters, self.task["scene"]
        self.inside_m = scene["box_top_m"] - scene["hole_depth_m"] + scene["tip_below_tool_m"]
        self.hand = Hand(self.task, self.tools)
        self.move = Move(self.hand, given[Move])
        self.aim = Aim(self.hand, given[Aim])
        self.descent = Descent(self.hand, given[Descent])
        self.search = Search(self.hand, given[Search])
        self.retry = Retry(self.hand, given[Retry])
        self.motion = self._play()

    def reset(self, observation: dict[str, Array], instruction: str) -> None:
        """Forget the last episode."""
        del observation, instruction  # Unused.
        self._build()

    def select_action(self, observation: dict[str, Array]) -> Array:
        """Joint targets of both arms and gripper openings, shape (14,)."""
        self.hand.sense(observation)
        return next(self.motion)

    def _play(self) -> Iterator[Array]:
        """Actions without end."""
        yield from self.retry.until(self._seated, self._attempt)
        self.hand.relax()
        while True:
            yield from self.hand.hold(1.0)

    def _attempt(self) -> Iterator[Array]:
        """Go above the hole, come down, search."""
        x, y = self.hand.scene["hole_m"]
        to_floor_m = self.hand.scene["hole_depth_m"] + HOVER_M
        yield from self.aim.over(x, y, self.inside_m + to_floor_m, self.move.go)
        yield from self.descent.down(to_floor_m)
        if not self._seated():
            yield from self.search.find()
            yield from self.descent.down(max(self.hand.pose()[2] - self.inside_m, 0.0))
        if self._seated():
            yield from self._press_home()

    def _press_home(self) -> Iterator[Array]:
        """Let the arm go, bent by what it met, and come down again: a pin that jammed half-way slips on."""
        for _ in range(PRESSES):
            self.hand.relax()
            yield from self.descent.down(0.0)

    def _seated(self) -> bool:
        """Whether the tool is as low as it is with the pin in its hole."""
        return bool(self.hand.pose()[2] - self.inside_m < SHORT_M)

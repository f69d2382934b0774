"""Bring the block to a pose by pushing, looking with the arm retracted between pushes."""

from collections.abc import Callable, Generator

import numpy as np
from numpy.typing import NDArray

from enpire.tasks._push_t.hand import Hand, reachable
from enpire.tasks._push_t.offset import Offset
from enpire.tasks._push_t.planner import plan
from enpire.tools.errors import Unreachable

Array = NDArray[np.float64]


def bring(
    hand: Hand, look: Callable[[], Array], goal: Array, there: Callable[[Array], bool], most_pushes: int
) -> Generator[Array, None, bool]:
    """Targets of the pushing arm, one per control period, until the block is there; ends with the arm retracted.

    Args:
        hand: The pushing arm.
        look: Pose of the block, called while the arm is retracted and still.
        goal: Where it should be.
        there: Whether a pose is good enough.
        most_pushes: After so many it gives up.

    Returns:
        Whether the block was seen where it should be.
    """
    offset = Offset()
    yield from hand.retract()
    pose = look()
    for _ in range(most_pushes):
        if there(pose):
            return True
        push = plan(pose, goal, reachable)
        if push is None:
            return False
        try:
            yield from hand.push(offset.command(push))
        except Unreachable:
            return False
        yield from hand.retract()
        before, pose = pose, look()
        offset.record(hand.went, before, pose)
    return there(pose)

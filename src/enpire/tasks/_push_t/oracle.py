"""A control that knows the truth: the reset's planner with the block's real pose. No policy can be it."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from enpire.tasks._push_t import block, hand
from enpire.tasks._push_t.bring import bring
from enpire.tasks._push_t.hand import Hand
from enpire.tools.kinematics.arm import Arm

Array = NDArray[np.float64]

MOST_PUSHES = 40
SHARE = 0.7
"""Of the tolerance that is good enough to stop."""


def oracle(
    arm: Arm,
    state: Callable[[], Array],
    truth: Callable[[], dict[str, float]],
    tolerance: tuple[float, float],
    period_s: float = 1 / 30,
) -> Iterator[Array]:
    """Actions (14,) that bring the block to its goal, then hold still for ever.

    Args:
        arm: Kinematics of the pushing arm.
        state: Newest `observation.state`.
        truth: What `sealed` of the task says now.
        tolerance: Of the task: m, rad.
        period_s: Control period.
    """
    goal = np.array(block.GOAL)

    def look() -> Array:
        now = truth()
        return np.array([now["block_x_m"], now["block_y_m"], now["block_yaw_rad"]])

    def there(pose: Array) -> bool:
        away_m, turned_rad = block.error(pose, goal)
        return away_m < SHARE * tolerance[0] and turned_rad < SHARE * tolerance[1]

    action = np.array([*hand.LEFT_RETRACTED, 0.0, *hand.RETRACTED, 0.0])
    pusher = Hand(arm, lambda: state()[7:13], period_s)
    for joints in bring(pusher, look, goal, there, MOST_PUSHES):
        action[7:13] = joints
        yield action.copy()
    while True:
        yield action.copy()

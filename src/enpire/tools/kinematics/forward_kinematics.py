"""Where an arm's tool is, for given joints."""

from mink import SE3

from enpire.tools.bounds import Joints
from enpire.tools.kinematics.arm import Arm

TOOLS = ("tool",)


def tool(arm: Arm, q: Joints) -> SE3:
    """T_world_tool for joint positions.

    Args:
        arm: Arm whose tool is meant.
        q: Joint positions, rad.
    """
    return arm.forward(q)

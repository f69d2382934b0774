"""Simulated I2RT YAM arms: position control with the SDK's gains, gravity compensation and gripper force limit."""

from collections.abc import Sequence

from enpire.core.errors import BadInput
from enpire.robots._simulated.gripper import StallLimiter
from enpire.robots._simulated.layout import Value
from enpire.robots._simulated.robot import TICK_S, SimulatedRobot
from enpire.robots.robot import ActionSemantics, Description
from enpire.simulation.arms import yam
from enpire.simulation.profile import Profile
from enpire.simulation.world import World

_PER_ARM = yam.JOINTS + 1
CONTINUOUS = (9.0, 9.0, 9.0, 3.0, 3.0, 3.0, 200.0)
"""Rated torque of the motors (DM4340, DM4310), Nm; of the gripper as force at the pads, N."""


class YamSim(SimulatedRobot):
    """One or more YAM arms in a scene built with `simulation.arms.yam.add_arm`.

    Args:
        world: The compiled scene.
        profile: How the station really is; the scene was built with the same.
        arms: Names of the arms, in the order of the action.
        gripper_force_n: No gripper presses harder, N at each pad.

    Raises:
        BadInput: The scene lacks an arm, or the force is not in (0, 50].
    """

    def __init__(
        self, world: World, profile: Profile, arms: Sequence[str] = ("left", "right"), gripper_force_n: float = 8.0
    ) -> None:
        if not 0.0 < gripper_force_n <= yam.GRIPPER_FORCE_N:
            raise BadInput(f"gripper_force_n={gripper_force_n} is not in (0, {yam.GRIPPER_FORCE_N:g}]")
        values = tuple(value for arm in arms for value in _values(arm))
        grippers = {
            i: (StallLimiter(force_n=gripper_force_n, stiffness=yam.GRIPPER_KP), yam.GAP_M)
            for i in range(yam.JOINTS, _PER_ARM * len(arms), _PER_ARM)
        }
        super().__init__(
            world,
            profile,
            description=describe(arms, gripper_force_n),
            values=values,
            grippers=grippers,
            rest=yam.HOME * len(arms),
            continuous=CONTINUOUS * len(arms),
        )
        for i in grippers:
            world.model.actuator_forcerange[self._layout.actuator[i]] = (-gripper_force_n, gripper_force_n)


def describe(arms: Sequence[str] = ("left", "right"), gripper_force_n: float = 8.0) -> Description:
    """What these arms are, without a scene."""
    n = len(arms)
    joints = [f"joint{i + 1}_rad" for i in range(yam.JOINTS)]
    velocity = (*yam.VELOCITY, yam.GRIPPER_VELOCITY) * n
    return Description(
        name="yam_sim",
        action=ActionSemantics(
            names=tuple(f"{arm}_{value}" for arm in arms for value in (*joints, "gripper_opening")),
            low=(*yam.JOINT_LOW, 0.0) * n,
            high=(*yam.JOINT_HIGH, 1.0) * n,
            most_change=tuple(v * TICK_S for v in velocity),
            rate_hz=1 / TICK_S,
        ),
        arms=tuple(arms),
        cameras=tuple(f"{arm}_wrist" for arm in arms),
        velocity=velocity,
        acceleration=(*yam.ACCELERATION, yam.GRIPPER_ACCELERATION) * n,
        effort=(*yam.TORQUE, gripper_force_n) * n,
    )


def _values(arm: str) -> tuple[Value, ...]:
    joints = [Value(joint=f"{arm}_joint{i + 1}", actuator=f"{arm}_joint{i + 1}") for i in range(yam.JOINTS)]
    gripper = Value(
        joint=f"{arm}_slide1",
        actuator=f"{arm}_gripper",
        joint_per=yam.GAP_M / 2,
        control_per=yam.GAP_M,
        stroke_joints=(f"{arm}_slide1", f"{arm}_slide2"),
    )
    return (*joints, gripper)

"""Simulated SO-101 arms: hobby servos with play, no gravity compensation, force limited by the servo alone."""

from collections.abc import Sequence

from enpire.robots._simulated.layout import Value
from enpire.robots._simulated.robot import TICK_S, SimulatedRobot
from enpire.robots.robot import ActionSemantics, Description
from enpire.simulation.arms import so101
from enpire.simulation.profile import Profile
from enpire.simulation.world import World

_GRIPPER_VELOCITY, _GRIPPER_ACCELERATION = 2.4, 10.0


class So101Sim(SimulatedRobot):
    """One or more SO-101 arms in a scene built with `simulation.arms.so101.add_arm`.

    Args:
        world: The compiled scene.
        profile: How the station really is; the scene was built with the same. `draw` takes the play of these arms as
            `play_deg=SO101_PLAY_DEG`.
        arms: Names of the arms, in the order of the action.

    Raises:
        BadInput: The scene lacks an arm.
    """

    def __init__(self, world: World, profile: Profile, arms: Sequence[str] = ("left",)) -> None:
        super().__init__(
            world,
            profile,
            description=describe(arms),
            values=tuple(value for arm in arms for value in _values(arm)),
            grippers={},
            rest=so101.HOME * len(arms),
        )


def describe(arms: Sequence[str] = ("left",)) -> Description:
    """What these arms are, without a scene."""
    n = len(arms)
    joints = [f"joint{i + 1}_rad" for i in range(so101.JOINTS)]
    velocity = (*so101.VELOCITY, _GRIPPER_VELOCITY) * n
    return Description(
        name="so101_sim",
        action=ActionSemantics(
            names=tuple(f"{arm}_{value}" for arm in arms for value in (*joints, "gripper_opening")),
            low=(*so101.JOINT_LOW, 0.0) * n,
            high=(*so101.JOINT_HIGH, 1.0) * n,
            most_change=tuple(v * TICK_S for v in velocity),
            rate_hz=1 / TICK_S,
        ),
        arms=tuple(arms),
        velocity=velocity,
        acceleration=(*so101.ACCELERATION, _GRIPPER_ACCELERATION) * n,
        effort=(*((so101.TORQUE_NM,) * so101.JOINTS), so101.TORQUE_NM / so101.JAW_M) * n,
    )


def _values(arm: str) -> tuple[Value, ...]:
    low, high = so101.JAW_RAD
    joints = [Value(joint=f"{arm}_joint{i + 1}", actuator=f"{arm}_joint{i + 1}") for i in range(so101.JOINTS)]
    jaw = Value(
        joint=f"{arm}_gripper",
        actuator=f"{arm}_gripper",
        zero=low,
        joint_per=high - low,
        control_per=high - low,
        force_per=so101.JAW_M,
    )
    return (*joints, jaw)

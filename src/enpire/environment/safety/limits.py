"""The limits a task declares for its robot. Frozen with the task; nothing changes them while a station runs."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SafetyLimits:
    """What the supervised robot never exceeds, whatever is commanded. One entry per value of the action.

    Attributes:
        low, high: Joint positions in rad, gripper openings in [0, 1].
        velocity: rad/s, opening/s.
        acceleration: rad/s², opening/s²; also the deceleration of a stop.
        jerk: rad/s³, opening/s³.
        box_low_m, box_high_m: Workspace in the world frame (x, y, z) for every checked point of every link that can
            reach objects (hand and fingers); the arm's own base may stand outside.
        table_m: Height of the table; no link comes below it.
        clearance_m: Least distance between two arms.
        gripper_force_n: Largest force of a closing gripper.
        most_missing: Control ticks in a row without a command after which the latch closes.
        margin: Kept free inside `low` and `high` by every command, per value: room for what the arms do beyond their
            commands. Empty: none.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    velocity: tuple[float, ...]
    acceleration: tuple[float, ...]
    jerk: tuple[float, ...]
    box_low_m: tuple[float, float, float]
    box_high_m: tuple[float, float, float]
    table_m: float = 0.0
    clearance_m: float = 0.06
    gripper_force_n: float = 8.0
    most_missing: int = 3
    margin: tuple[float, ...] = ()

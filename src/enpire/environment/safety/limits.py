"""The limits a task declares for its robot. Frozen with the task; nothing changes them while a station runs."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SafetyLimits:
    """What the supervised robot never exceeds, whatever is commanded. One entry per value of the action.

    The margins are room for what arms do beyond their commands: every command stays that much further inside.

    Attributes:
        low, high: Joint positions in rad, gripper openings in [0, 1].
        velocity: rad/s, opening/s.
        acceleration: Of commands, rad/s², opening/s²; also the deceleration of a stop.
        jerk: Of commands, rad/s³, opening/s³.
        box_low_m, box_high_m: Workspace in the world frame (x, y, z) for every checked point of every link that can
            reach objects (hand and fingers); the arm's own base may stand outside.
        table_m: Height of the table; no link comes below it.
        clearance_m: Least distance between two arms.
        own_clearance_m: Least distance between links of one arm that are not neighbours.
        gripper_force_n: Largest force of a closing gripper.
        most_missing: Control ticks in a row without a command after which the latch closes.
        margin: Inside `low` and `high`, per value. Empty: none.
        velocity_margin: Share of `velocity` that commands leave unused.
        box_margin_m, table_margin_m, clearance_margin_m, own_margin_m: Inside the box, above the table, between the
            arms, between the links of one.
        lead: Share of the feed-forward that the motors' targets get; less makes contacts softer and motion later.
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
    own_clearance_m: float = 0.0
    gripper_force_n: float = 8.0
    most_missing: int = 3
    margin: tuple[float, ...] = ()
    velocity_margin: float = 0.0
    box_margin_m: float = 0.0
    table_margin_m: float = 0.0
    clearance_margin_m: float = 0.0
    own_margin_m: float = 0.0
    lead: float = 1.0

    @property
    def commanded_velocity(self) -> tuple[float, ...]:
        """Largest velocity of commands, rad/s, opening/s."""
        return tuple(v * (1.0 - self.velocity_margin) for v in self.velocity)

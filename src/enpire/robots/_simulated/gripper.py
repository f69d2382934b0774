"""Force limiting of a gripper by stall detection, as the vendor's SDK (i2rt 1.2.4) does it."""

from dataclasses import dataclass

from enpire.simulation.arms.yam import GAP_M

STROKE_RAD = 6.57
"""Turn of the motor from closed to open."""
FRICTION_NM = 0.3
"""Torque that the gripper's own friction takes."""
CLOGGED_NM, RELEASED_NM = 0.5, 0.2
SLOW_RAD_S = 0.3
LOW_PASS = 0.1
WINDOW = 10
"""Ticks over which the effort is averaged: 0.1 s."""
_PER_M = STROKE_RAD / GAP_M


@dataclass(kw_only=True)
class StallLimiter:
    """Takes the target of a gripper that has stalled back to where it presses with a set force.

    The motor's torque limit already keeps every force below `force_n`; a gripper limited below the torque at which the
    SDK notices a stall (13.7 N at the pads) is called clogged at nine tenths of its own limit.

    Attributes:
        force_n: Force to hold with, N at each pad.
        stiffness: Position gain of the motor, N per metre of gap.
        clogged: Whether something is between the fingers, or the fingers meet.
        target_m: Gap that the motor is told while clogged.
        stalls: How often it was clogged so far; `reset` keeps it.
    """

    force_n: float
    stiffness: float
    clogged: bool = False
    target_m: float = 0.0
    stalls: int = 0

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what was pressed."""
        self.clogged = False
        self._forces = [0.0] * WINDOW
        self._next = 0

    def limit(self, target_m: float, gap_m: float, speed_m_s: float, force_n: float) -> float:
        """Target to give the motor, m of gap, when `target_m` is wanted and the motor gives `force_n`."""
        self._forces[self._next] = force_n
        self._next = (self._next + 1) % WINDOW
        torque = abs(sum(self._forces)) / WINDOW / _PER_M + FRICTION_NM
        most = self.force_n / _PER_M
        if self.clogged:
            self.clogged = target_m <= gap_m and torque - FRICTION_NM >= min(RELEASED_NM, 0.5 * most)
        elif (
            torque > min(CLOGGED_NM, 0.9 * most + FRICTION_NM)
            and abs(speed_m_s) * _PER_M < SLOW_RAD_S
            and target_m < gap_m
        ):
            self.clogged, self.target_m = True, target_m
            self.stalls += 1
        if not self.clogged:
            return target_m
        self.target_m += LOW_PASS * (gap_m - self.force_n / self.stiffness - self.target_m)
        return self.target_m

"""Two nominal arms, limits, hostile scripts, and what must hold for the commands that come out of a gate."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from math import ceil

import mujoco
import numpy as np
from numpy.typing import NDArray

from enpire.environment.safety.clearance import Clearance
from enpire.environment.safety.gate import Command, Gate
from enpire.environment.safety.limits import SafetyLimits
from enpire.simulation.arms import yam
from enpire.simulation.scene import ARM_BASES

Vector = NDArray[np.float64]
Action = Vector | None
TICK_S = 0.01
ARMS = ("left", "right")
LIMITS = SafetyLimits(
    low=(*yam.JOINT_LOW, 0.0) * 2,
    high=(*yam.JOINT_HIGH, 1.0) * 2,
    velocity=(2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 2.0) * 2,
    acceleration=(10.0, 10.0, 10.0, 15.0, 15.0, 15.0, 20.0) * 2,
    jerk=(200.0, 200.0, 200.0, 300.0, 300.0, 300.0, 1000.0) * 2,
    box_low_m=(0.08, -0.45, 0.0),
    box_high_m=(0.60, 0.45, 0.60),
    margin=(*(0.02,) * 6, 0.0) * 2,
)
OPEN_AIR = replace(
    LIMITS,
    box_low_m=(-9.0, -9.0, -9.0),
    box_high_m=(9.0, 9.0, 9.0),
    table_m=-9.0,
    clearance_m=-9.0,
    own_clearance_m=-9.0,
)
"""The same without geometry, so that joints reach their own limits."""
MARGIN = np.array(LIMITS.margin)
LOW, HIGH, HOME = np.array(LIMITS.low) + MARGIN, np.array(LIMITS.high) - MARGIN, np.array(yam.HOME * 2)
STOP_TICKS = max(
    ceil(v / (a * TICK_S)) + 2 * ceil(a / (j * TICK_S)) + 2
    for v, a, j in zip(LIMITS.velocity, LIMITS.acceleration, LIMITS.jerk, strict=True)
)
"""Ticks within which everything stands, whatever it did before: the stop at full deceleration and both jerk ramps."""


@cache
def model() -> mujoco.MjModel:
    return yam.nominal_model(ARM_BASES)


def clearance(limits: SafetyLimits = LIMITS) -> Clearance:
    return Clearance(model(), ARMS, limits)


def started(kind: type[Gate] = Gate, limits: SafetyLimits = LIMITS, pose: Vector = HOME) -> Gate:
    gate = kind(limits, clearance(limits), TICK_S)
    gate.start(pose)
    return gate


def drive(gate: Gate, script: Sequence[Action]) -> list[Command]:
    return [gate.tick(action, HOME) for action in script]


def trail(commands: Sequence[Command], start: Vector = HOME) -> Vector:
    """Positions of the commands after standing at `start`, shape (T + 4, A)."""
    return np.vstack([np.tile(start, (4, 1)), *(c.position for c in commands)])


def script(kind: str, seed: int, ticks: int) -> list[Action]:
    """Hostile actions; everything follows from the seed."""
    rng = np.random.default_rng(seed)
    size = len(HOME)
    if kind == "far":
        return [HOME + rng.choice([-1e30, 1e30, -4.0, 4.0], size)] * ticks
    if kind == "bang":
        return [x for _ in range(ticks // 9 + 1) for x in [np.where(rng.random(size) < 0.5, LOW, HIGH)] * 9][:ticks]
    if kind == "resonant":
        period = rng.uniform(2, 60, size)
        return [HOME + 0.8 * np.sign(np.sin(2 * np.pi * k / period)) for k in range(ticks)]
    if kind == "random":
        return list(rng.uniform(LOW - 0.1, HIGH + 0.1, (ticks, size)))
    if kind == "nudges":
        return list(HOME + np.cumsum(rng.normal(0, 0.05, (ticks, size)), axis=0))
    if kind == "aimed":
        return [rng.uniform(LOW, HIGH)] * ticks
    junk: list[Action] = [None, np.full(size, np.nan), np.full(size, np.inf), np.zeros(3), HOME * 5e-324, HOME + 1e300]
    return [junk[i] for i in rng.integers(len(junk), size=ticks)]


KINDS = ("far", "bang", "resonant", "random", "nudges", "aimed", "junk")


def mixed(seed: int, bursts: int = 4, ticks: int = 25) -> list[Action]:
    """Bursts of all kinds but junk."""
    rng = np.random.default_rng(seed)
    return [
        a for _ in range(bursts) for a in script(KINDS[rng.integers(len(KINDS) - 1)], int(rng.integers(1 << 30)), ticks)
    ]


def check_rates(path: Vector, limits: SafetyLimits = LIMITS) -> None:
    """Velocity, acceleration and jerk of commands, as differences."""
    for order, most in enumerate((limits.velocity, limits.acceleration, limits.jerk), 1):
        rate = np.abs(np.diff(path, order, axis=0)) / TICK_S**order
        worst = (rate / np.array(most)).max()
        assert worst <= 1.0 + 1e-9, f"difference {order} is {worst} times its limit"


def check_inside(path: Vector) -> None:
    """Finite and inside the joint limits, exactly."""
    assert np.isfinite(path).all()
    assert (path >= LOW).all() and (path <= HIGH).all(), (path - HIGH).max()


def check_free(path: Vector, limits: SafetyLimits = LIMITS) -> None:
    """Box, table and the other arm at every command, for all links."""
    assert clearance(limits).margins(path).min() >= -1e-9


def still(commands: Sequence[Command]) -> bool:
    return all((c.velocity == 0.0).all() and (c.position == commands[0].position).all() for c in commands)

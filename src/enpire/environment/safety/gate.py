"""The motion gate: every command to a robot passes here, 100 times per second, and leaves inside the task's limits.

The gate never commands what it could not stop. The command of a tick is taken only if the quickest stop from it stays
inside every limit; the stop of the command before does, so braking is always possible, and it is what happens when a
command is missing, unusable or would break a limit.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from enpire.core.errors import BadInput, StationFault
from enpire.environment.safety.braking import path
from enpire.environment.safety.clearance import Clearance
from enpire.environment.safety.free_space import FreeSpace
from enpire.environment.safety.joint import Joint, Motion, Rates
from enpire.environment.safety.limits import SafetyLimits

Vector = NDArray[np.float64]

START_SLACK = 0.1
"""How far outside the limits a robot may stand at `start`, rad or opening; it may then only move inwards."""
_SAME = 1e-9


class Command(NamedTuple):
    """What the robot is told for one tick.

    Attributes:
        position: Joint targets, shape (A,): rad, gripper opening.
        velocity: Of the target, shape (A,): rad/s, opening/s.
        acceleration: Of the target, shape (A,): rad/s², opening/s².
        interventions: What the gate did, for the log; empty if the target passed as it was. `clipped`: outside the
            joint limits. `limited`: faster than the limits allow. `missing`, `nonfinite`, `clock`: no usable command,
            so it brakes. `workspace`, `table`, `clearance`: the stop would break that limit. `latched`: it stays.
    """

    position: Vector
    velocity: Vector
    acceleration: Vector
    interventions: tuple[str, ...]


class Gate:
    """Targets in, safe commands out. See docs/safety.md for what is promised and what is not.

    Args:
        limits: Of the task; nothing changes them afterwards.
        clearance: Geometry of the same arms.
        tick_s: Period of the joint loop.

    Attributes:
        latched: Why the gate is shut; empty while it is open. Only `start` opens it.

    Raises:
        BadInput: Limits of different lengths, not finite, empty ranges, or zeros where something must move.
    """

    def __init__(self, limits: SafetyLimits, clearance: Clearance, tick_s: float = 0.01) -> None:
        self._low, self._high = _range(limits, clearance.size)
        if not 0.0 <= limits.velocity_margin < 1.0:
            raise BadInput(f"velocity_margin is a share of the velocity, in [0, 1), not {limits.velocity_margin}")
        rates = [_positive(x, clearance.size) for x in (limits.commanded_velocity, limits.acceleration, limits.jerk)]
        ranges = zip(self._low, self._high, strict=True)
        self._joints = [Joint(r, Rates(*x), tick_s) for r, x in zip(ranges, zip(*rates, strict=True), strict=True)]
        self._units = np.array([joint.unit for joint in self._joints])
        self._space = FreeSpace(clearance)
        self._clearance = clearance
        self._limits, self._tick_s = limits, tick_s
        self._longest_s = (limits.most_missing + 0.5) * tick_s
        self._started = False
        self.latched = "not started"

    def start(self, measured: Vector) -> None:
        """Open the gate at the measured pose, shape (A,), at rest.

        Raises:
            BadInput: Not finite, wrong shape, or outside the joint limits by more than `START_SLACK`. The gate stays
                shut.
        """
        self.latched = "not started"
        pose = np.array(measured, dtype=np.float64)
        if pose.shape != (len(self._joints),) or not np.isfinite(pose).all():
            raise BadInput(f"a start pose must be {len(self._joints)} finite numbers, not {pose}")
        outside = np.maximum(np.array(self._low) - pose, pose - np.array(self._high))
        if outside.max() > START_SLACK:
            worst = int(outside.argmax())
            raise BadInput(
                f"value {worst} stands at {pose[worst]:.3f}, outside [{self._low[worst]:.3f}, {self._high[worst]:.3f}] "
                f"by more than {START_SLACK}; move the arm back by hand"
            )
        for joint, value in zip(self._joints, pose.tolist(), strict=True):
            joint.begin(value)
        self._space.begin(pose)
        self._missing = 0
        self._last_s: float | None = None
        self._started = True
        self.latched = ""

    def tick(
        self, target: Vector | None, measured: Vector, *, effort: Vector | None = None, now_s: float | None = None
    ) -> Command:
        """The command for the next tick. Never raises once it was started: whatever goes wrong inside shuts the gate.

        Args:
            target: What is asked for, shape (A,); None if nobody asked in time.
            measured: Joint readings, shape (A,).
            effort: Readings in Nm, N for grippers; while a gripper presses with more than its limit it does not close.
            now_s: Time of the station. A tick that comes twice, back in time, or after more than `most_missing` ticks
                counts as a missing command.

        Raises:
            StationFault: `start` was never called, so there is no pose to hold.
        """
        if not self._started:
            raise StationFault("the safety gate was not started: no pose is known to be safe")
        try:
            if self.latched:
                return self._brake("latched")
            useless = self._useless(target, measured, effort, now_s)
            if useless or target is None:
                return self._miss(useless)
            self._missing = 0
            return self._follow(np.asarray(target, dtype=np.float64).tolist(), effort)
        except Exception as error:
            self.latched = f"{type(error).__name__} in the gate: {error}"
            return self._brake("latched")

    def _useless(self, target: Vector | None, measured: Vector, effort: Vector | None, now_s: float | None) -> str:
        """Why a tick has no usable command; empty if it has one."""
        before, self._last_s = self._last_s, now_s
        if now_s is not None and before is not None and not 0.0 < now_s - before <= self._longest_s:  # clamp: clock
            return "clock"
        if target is None:
            return "missing"
        for given in (target, measured) if effort is None else (target, measured, effort):
            values = np.asarray(given, dtype=np.float64)
            if values.shape != (len(self._joints),) or not np.isfinite(values).all():  # clamp: finite
                return "nonfinite"
        return ""

    def _miss(self, useless: str) -> Command:
        """Brake for want of a command."""
        self._missing += 1
        if self._missing >= self._limits.most_missing:  # clamp: missing
            self.latched = f"{self._missing} ticks in a row without a usable command, the last one {useless}"
            return self._brake(useless, "latched")
        return self._brake(useless)

    def _follow(self, target: list[float], effort: Vector | None) -> Command:
        """Towards the target as far as the limits allow."""
        goal = target
        goal = [min(max(x, a), b) for x, a, b in zip(goal, self._low, self._high, strict=True)]  # clamp: limits
        notes = ["clipped"] if goal != target else []
        goal = self._relieved(goal, effort)  # clamp: gripper force
        wanted = [joint.follow(value) for joint, value in zip(self._joints, goal, strict=True)]
        blocked: tuple[str, ...] = ()
        wanted, blocked = self._clear(wanted)  # clamp: geometry
        off = [motion.position - value for motion, value in zip(wanted, goal, strict=True)]
        if max(off) > _SAME or min(off) < -_SAME:
            notes.append("limited")
        for joint, motion in zip(self._joints, wanted, strict=True):
            if motion is not joint.now:
                joint.accept(motion)
        self._space.accept()
        return self._command(*notes, *blocked)

    def _relieved(self, goal: list[float], effort: Vector | None) -> list[float]:
        """The goal, with grippers that press too hard no further closed than they are told to be now."""
        if effort is None:
            return goal
        hard = [i for i in self._clearance.grippers if abs(effort[i]) > self._limits.gripper_force_n]
        return [max(v, self._joints[i].position) if i in hard else v for i, v in enumerate(goal)]

    def _clear(self, wanted: list[Motion]) -> tuple[list[Motion], tuple[str, ...]]:
        """The wanted motion if it breaks no geometric limit; else the arms concerned brake; else all do."""
        broken = self._broken(wanted)
        if not broken.any():
            return wanted, ()
        names = tuple(dict.fromkeys(self._clearance.kinds[i] for i in np.flatnonzero(broken)))
        concerned = set(np.flatnonzero(self._clearance.concerns[broken].any(axis=0)).tolist())
        braking = [joint.brake() for joint in self._joints]
        if len(concerned) < len(braking):
            mixed = [braking[i] if i in concerned else motion for i, motion in enumerate(wanted)]
            if not self._broken(mixed).any():
                return mixed, names
        return braking, names  # looked at when the motion before was taken

    def _broken(self, motions: list[Motion]) -> NDArray[np.bool_]:
        """Which geometric limits a motion and the stop after it break, shape (M,)."""
        if all(motion is joint.now for motion, joint in zip(motions, self._joints, strict=True)):
            return self._space.none  # nothing moves

        def poses() -> Vector:
            place = np.array([m.position for m in motions])
            return np.concatenate([place[None, :], place + path([m.stop for m in motions]) * self._units])

        return self._space.broken(np.array([m.low for m in motions]), np.array([m.high for m in motions]), poses)

    def _brake(self, *notes: str) -> Command:
        """One tick along the quickest stop; once it stands, it stays."""
        for joint in self._joints:
            joint.accept(joint.brake())
        return self._command(*notes)

    def _command(self, *notes: str) -> Command:
        now = [joint.now for joint in self._joints]
        position, velocity, acceleration = np.array([(m.position, m.velocity, m.acceleration) for m in now]).T
        speed = self._units / self._tick_s
        return Command(position.copy(), velocity * speed, acceleration * speed / self._tick_s, notes)


def _range(limits: SafetyLimits, size: int) -> tuple[list[float], list[float]]:
    margin = np.array(limits.margin or (0.0,) * size)
    if not len(limits.low) == len(limits.high) == len(margin) == size:
        raise BadInput(f"the safety limits must have {size} values each, one per value of the action")
    low, high = np.array(limits.low) + margin, np.array(limits.high) - margin
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all() and (margin >= 0.0).all()):
        raise BadInput("the safety limits must be finite, with low + margin below high - margin")
    return low.tolist(), high.tolist()


def _positive(values: tuple[float, ...], size: int) -> tuple[float, ...]:
    found = np.array(values, dtype=np.float64)
    if found.shape != (size,) or not np.isfinite(found).all() or not (found > 0.0).all():
        raise BadInput(f"velocity, acceleration and jerk limits must be {size} finite numbers above 0, not {values}")
    return values

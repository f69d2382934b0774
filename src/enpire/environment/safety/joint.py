"""One joint or gripper: where it is told to be, and where its limits let it be told to go next."""

from math import copysign, sqrt
from typing import NamedTuple

from enpire.environment.safety.braking import Stop, area, height, stop

_MORE_TICKS = 3
_ROUNDING = 1e-6
_TRUST = 0.5
"""Weight of the newest step in the velocity of a goal."""
_RATE = 0.25
"""Of the spring, per tick."""
_GENTLE = 3.0
"""Largest acceleration of the spring, in steps of the acceleration."""


class Motion(NamedTuple):
    """One more tick, and the quickest stop after it.

    Attributes:
        position: rad or opening.
        velocity, acceleration: In the units of `braking`.
        stop: From there, in the units of `braking`.
        low, high: Bounds on the positions of this tick and of the stop.
    """

    position: float
    velocity: float
    acceleration: float
    stop: Stop
    low: float
    high: float


class Rates(NamedTuple):
    """Largest velocity, acceleration and jerk: rad or opening per s, s², s³."""

    velocity: float
    acceleration: float
    jerk: float


class Joint:
    """Position, velocity and acceleration of a command, and the limits they keep.

    Args:
        span: Lowest and highest position, rad or opening.
        rates: How fast it may change.
        tick_s: Period of the commands.
    """

    def __init__(self, span: tuple[float, float], rates: Rates, tick_s: float) -> None:
        self._low, self._high = span
        self._unit = rates.jerk * tick_s**3
        self._speed_unit = rates.jerk * tick_s**2
        self._fastest = rates.velocity / self._speed_unit
        self._strongest = rates.acceleration / (rates.jerk * tick_s)
        self._strongest_area = area(self._strongest)
        self._calm = self._fastest - self._strongest_area - _ROUNDING
        self.begin(0.5 * (self._low + self._high))

    def begin(self, position: float) -> None:
        """Rest at a position. One that is outside may only come inwards."""
        self._floor, self._ceiling = min(self._low, position), max(self._high, position)
        self._settled: float | None = None
        self._goal, self._goal_step, self._goal_velocity = position, 0.0, 0.0
        self._now = self._motion(position, 0.0, 0.0)

    @property
    def now(self) -> Motion:
        """The motion that was made last."""
        return self._now

    @property
    def position(self) -> float:
        """Last command, rad or opening."""
        return self._now.position

    @property
    def unit(self) -> float:
        """Length unit of its stops, rad or opening."""
        return self._unit

    def follow(self, goal: float) -> Motion:
        """Next tick towards a goal, as far as the limits of this joint allow."""
        now = self._now
        if goal == self._settled:
            return now
        self._settled = None
        if goal == now.position == self._goal and now.velocity == now.acceleration == 0.0:
            self._goal_step = self._goal_velocity = 0.0
            self._settled = goal
            return now
        a = self._wanted(goal)
        a = self._no_faster(a)  # clamp: velocity
        a = max(min(a, self._strongest), -self._strongest)  # clamp: acceleration
        a = max(min(a, now.acceleration + 1.0), now.acceleration - 1.0)  # clamp: jerk
        velocity = now.velocity + a
        motion = self._motion(now.position + velocity * self._unit, velocity, a)
        if self._goal_step == 0.0 and abs(motion.position - goal) > _ROUNDING * self._unit:
            motion = self._landing(goal, motion)  # clamp: landing
        if motion.low < self._floor or motion.high > self._ceiling:  # clamp: stopping distance
            motion = self.brake()
        return motion

    def brake(self) -> Motion:
        """Next tick of the quickest stop; at rest, where it is."""
        acceleration = self._now.stop.first
        velocity = self._now.velocity + acceleration
        position = self._now.position + velocity * self._unit
        return self._motion(min(max(position, self._floor), self._ceiling), velocity, acceleration)  # only rounding

    def accept(self, motion: Motion) -> None:
        """The motion is made."""
        if self._floor < self._low:  # it began outside: what it has come inwards is kept
            self._floor = max(self._floor, min(self._low, motion.low))
        if self._ceiling > self._high:
            self._ceiling = min(self._ceiling, max(self._high, motion.high))
        self._now = motion

    def _no_faster(self, acceleration: float) -> float:
        """The acceleration, or what is left of it so that it can fade before the joint is too fast."""
        velocity = self._now.velocity
        if -self._calm < velocity < self._calm:  # the strongest can
            return acceleration
        return max(min(acceleration, height(self._fastest - velocity)), -height(self._fastest + velocity))

    def _wanted(self, goal: float) -> float:
        """Acceleration, still without limits, that follows the goal and comes to rest where it rests.

        A goal that moves as the limits allow is met exactly. One that is near and does not (the kinks of an
        interpolated policy) is followed as by a critically damped spring. Otherwise: the acceleration of a stop, plus
        what lengthens the stop's way up to the goal, spread over its ticks.
        """
        now = self._now
        step, before = (goal - self._goal) / self._unit, self._goal_step
        self._goal, self._goal_step = goal, step
        steady = 0.0  # a jump has no velocity
        if step * before > 0.0:
            steady = step if abs(step) <= abs(before) else before
        self._goal_velocity += _TRUST * (steady - self._goal_velocity)
        needed = (goal - now.position) / self._unit
        exact = needed - now.velocity
        feasible = abs(exact) <= self._strongest + _ROUNDING and abs(exact - now.acceleration) <= 1.0 + _ROUNDING
        if feasible and abs(needed - step) <= 0.5:
            return exact
        slower = self._goal_velocity - now.velocity
        near = _RATE * _RATE * (needed - step)
        if max(abs(near), abs(near + 2.0 * _RATE * slower)) <= _GENTLE:
            return near + 2.0 * _RATE * slower
        # A goal in motion is met in motion: the stop then ends ahead of it.
        speed = min(abs(self._goal_velocity), self._fastest)
        fast = speed > self._strongest**2
        ramp = 0.5 * (speed / self._strongest + self._strongest) if fast else sqrt(speed)
        ahead = copysign(speed * ramp, self._goal_velocity)
        # One tick of more acceleration lengthens a stop by its ticks; one that has yet to begin it delays as a whole.
        spread: float = now.stop.ticks + _MORE_TICKS
        if now.stop.falling:
            spread = max(spread, now.stop.velocity)
        return now.stop.first + (needed + ahead - now.stop.travel) / spread

    def _landing(self, goal: float, motion: Motion) -> Motion:
        """The motion, or one nearer to a stop that does not come to rest beyond a goal which rests itself.

        What lands too far cannot be taken back: it is the quickest stop.
        """
        now, halt = self._now, self._rest(self._now)
        change, first = self._rest(motion) - halt, self._now.stop.first

        def beyond(tried: Motion) -> bool:
            return (self._rest(tried) - goal) * copysign(1.0, change) > _ROUNDING * self._unit

        if change == 0.0 or not beyond(motion):
            return motion
        acceleration = first + (motion.acceleration - first) * max((goal - halt) / change, 0.0)
        velocity = now.velocity + acceleration
        nearer = self._motion(now.position + velocity * self._unit, velocity, acceleration)
        return self.brake() if beyond(nearer) else nearer

    def _rest(self, motion: Motion) -> float:
        """Where the stop after a motion ends."""
        return motion.position + motion.stop.travel * self._unit

    def _motion(self, position: float, velocity: float, acceleration: float) -> Motion:
        halt = stop(velocity, acceleration, self._strongest, self._strongest_area)
        rest, back = position + halt.travel * self._unit, halt.back * self._unit
        low, high = (position, rest) if position < rest else (rest, position)
        return Motion(position, velocity, acceleration, halt, low - back, high + back)

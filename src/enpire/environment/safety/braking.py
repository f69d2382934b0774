"""The quickest stop of a joint whose acceleration may only change by so much from tick to tick.

Commands are positions at ticks; velocity, acceleration and jerk are their first, second and third differences. Units of
this module make the numbers small: with the acceleration step `J = jerk * tick`, accelerations are in J, velocities in
J * tick and lengths in J * tick². In these units a tick reads `velocity += acceleration; position += velocity`, and the
acceleration changes by at most 1 per tick.

A stop lowers the acceleration by 1 per tick, holds the lowest one that is allowed, and then lets it rise by 1 per tick
so that velocity and acceleration reach zero together. All of it in closed form; no time is simulated.
"""

from collections.abc import Sequence
from math import ceil, floor, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Stop(NamedTuple):
    """How a joint stops from where it is.

    Attributes:
        sign: Direction of the velocity that is braked away: 1 or -1. The next six are as seen in that direction.
        velocity, acceleration: Where it starts.
        falling: Ticks in which the acceleration falls by 1.
        flat: Ticks at the strongest deceleration.
        rising: Ticks in which the deceleration fades, from `peak` on, by 1 each.
        peak: First and largest deceleration of those.
        strongest: Largest deceleration allowed.
        first: Acceleration of the first tick, signed as the velocity was given.
        travel: Way until it stands, signed as the velocity was given.
        back: Bound on how far it first goes the other way.
    """

    sign: float
    velocity: float
    acceleration: float
    falling: int
    flat: int
    rising: int
    peak: float
    strongest: float
    first: float
    travel: float
    back: float

    @property
    def ticks(self) -> int:
        """Ticks until the velocity is zero."""
        return self.falling + self.flat + self.rising


def area(height: float) -> float:
    """Velocity that an acceleration of `height` >= 0 adds while it fades by 1 per tick, its first tick included."""
    whole = floor(height)
    return (whole + 1) * (height - 0.5 * whole)


def height(area: float) -> float:
    """Inverse of `area`: the first deceleration that uses up a velocity and is gone together with it."""
    if area <= 0.0:
        return 0.0
    terms = floor(0.5 + sqrt(0.25 + 2.0 * area))
    return area / terms + 0.5 * (terms - 1)


def stop(velocity: float, acceleration: float, strongest: float, strongest_area: float) -> Stop:
    """The quickest stop.

    Args:
        velocity, acceleration: At this tick.
        strongest: Largest deceleration.
        strongest_area: `area(strongest)`.
    """
    faded = area(abs(acceleration)) - abs(acceleration)
    carried = velocity + faded if acceleration >= 0.0 else velocity - faded  # velocity once the acceleration is gone
    sign = 1.0 if carried > 0.0 or (carried == 0.0 and acceleration <= 0.0) else -1.0
    v, a = velocity * sign, acceleration * sign
    # Least n with v + n a - n (n + 1) / 2 <= area(n + 1 - a): from then on fading alone stops it. With n = m + top - 1
    # and area(m + part) = (m + 1) (m / 2 + part) this is a quadratic in m.
    top = ceil(a)
    part = top - a
    square = v + top * (0.5 * (top - 1) - part) + part * part
    falling = ceil((sqrt(square) if square > 0.0 else 0.0) - part) + top - 1
    if falling > a + strongest:
        falling = floor(a + strongest)
    if falling < 0:
        falling = 0
    rest = left = v + falling * (a - 0.5 * (falling + 1))
    flat = 0
    if rest > strongest_area:
        flat = ceil((rest - strongest_area) / strongest)
        left -= flat * strongest
    rising = floor(0.5 + sqrt(0.25 + 2.0 * left)) if left > 0.0 else 1
    peak = (left if left > 0.0 else 0.0) / rising + 0.5 * (rising - 1)
    first = a - 1.0 if falling else -strongest if flat else -peak
    travel = 0.5 * rising * (rising - 1) * (peak - (2 * rising - 1) / 3.0)
    if falling:
        travel += falling * v + 0.5 * falling * (falling + 1) * (a - (falling + 2) / 3.0)
    if flat:
        travel += flat * (rest - 0.5 * strongest * (flat + 1))
    back = -v * top if v < 0.0 else 0.0
    return Stop(sign, v, a, falling, flat, rising, peak, strongest, first * sign, travel * sign, back)


def path(stops: Sequence[Stop]) -> NDArray[np.float64]:
    """Way gone by several joints at each tick of their stops, shape (T, A); the last row is every `travel`."""
    sign, velocity, acceleration, falling, flat, _, peak, strongest = np.array(stops).T[:8]
    tick = np.arange(1.0, max(s.ticks for s in stops) + 1.0)[:, None]
    fading = np.maximum(peak - (tick - 1.0 - falling - flat), 0.0)
    down = np.where(tick <= falling + flat, strongest, fading)
    speeds = velocity + np.cumsum(np.where(tick <= falling, acceleration - tick, -down), axis=0)
    way: NDArray[np.float64] = np.cumsum(speeds, axis=0) * sign
    return way

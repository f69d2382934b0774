"""Motions whose velocity, acceleration and jerk stay below limits (ruckig), sampled at the control period."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from ruckig import InputParameter, OutputParameter, Result, Ruckig, RuckigError
from ruckig import Trajectory as Course
from scipy.interpolate import CubicSpline

from enpire.core.errors import BadInput
from enpire.tools.bounds import MOST_ROWS, Joints, Path, Range

TOOLS = ("move", "corners", "smooth", "step")

MOST_SECONDS = 120.0
_PATH_ACCELERATION, _PATH_JERK = 4.0, 40.0
"""Of the law along a spline, before it is slowed down; the path is as long as its time at full speed."""
_LEAST_RAD, _LEAST_LIMIT = 1e-9, 1e-4
Period = Annotated[float, Range(0.001, 0.5)]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a motion stays below, one entry per joint.

    Attributes:
        velocity: rad/s.
        acceleration: rad/s².
        jerk: rad/s³.
    """

    velocity: Joints
    acceleration: Joints
    jerk: Joints


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """A motion sampled every period; it starts and ends at rest.

    Attributes:
        q: Joint positions in rad, shape (N, joints); the first row is one period after the start, the last the goal.
        velocity: rad/s, shape (N, joints).
        duration_s: Of the whole motion; the last row may come up to one period later.
    """

    q: Path
    velocity: Path
    duration_s: float


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Where a motion under way is.

    Attributes:
        q: rad.
        velocity: rad/s.
        acceleration: rad/s².
    """

    q: Joints
    velocity: Joints
    acceleration: Joints


def move(q_start: Joints, q_goal: Joints, limits: Limits, period_s: Period) -> Trajectory:
    """From rest to rest on the straight joint-space line, in the least time.

    Args:
        q_start, q_goal: Joint positions in rad.
        limits: One entry per joint.
        period_s: Time between samples.
    """
    _fit(limits, q_start, q_goal)
    way = q_goal - q_start
    slopes = np.maximum(np.abs(way), _LEAST_RAD)
    law = _law(1.0, *(float(np.min(most / slopes)) for most in (limits.velocity, limits.acceleration, limits.jerk)))
    share, speed = _sampled(law, _times(law.duration, period_s))
    return Trajectory(q=q_start + share[:, None] * way, velocity=speed[:, None] * way, duration_s=float(law.duration))


def corners(path: Path, limits: Limits, period_s: Period) -> Trajectory:
    """Along the straight lines between the corners of a path, stopping at each: exactly the path that was checked.

    Args:
        path: Corners, joint positions in rad, the start first.
        limits: One entry per joint.
        period_s: Time between samples.
    """
    if len(path) < 2:
        raise BadInput(f"a path needs at least two corners, not {len(path)}")
    parts = [move(a, b, limits, period_s) for a, b in pairwise(path)]
    duration_s = sum(part.duration_s for part in parts)
    _bounded(duration_s, period_s)
    return Trajectory(
        q=np.vstack([part.q for part in parts]),
        velocity=np.vstack([part.velocity for part in parts]),
        duration_s=duration_s,
    )


def smooth(path: Path, limits: Limits, period_s: Period) -> Trajectory:
    """From rest to rest through all points of a path without a stop, on a cubic spline.

    Between the points the spline leaves the straight line, little where they are dense and the path has no corner: for
    paths of `straight.tool`, not for those of `rrt_connect.plan`. One time law for the whole path, as slow as its worst
    place asks for.

    Args:
        path: Points, joint positions in rad, the start first.
        limits: One entry per joint.
        period_s: Time between samples.
    """
    if not len(path):
        raise BadInput("a path needs at least one point")
    _fit(limits, path[0])
    keep = np.concatenate([[True], np.abs(np.diff(path, axis=0)).max(axis=1) > 1e-9])
    points = path[keep]
    if len(points) < 3:
        return move(path[0], path[-1], limits, period_s)
    lengths = np.linalg.norm(np.diff(points, axis=0) / limits.velocity, axis=1)  # time at full speed, s
    places = np.concatenate([[0.0], np.cumsum(lengths)])
    spline, law = CubicSpline(places, points), _law(places[-1], 1.0, _PATH_ACCELERATION, _PATH_JERK)
    slower = _stretch(spline, law, limits)
    duration_s = float(law.duration * slower)
    s, ds = _sampled(law, _times(duration_s, period_s) / slower)
    return Trajectory(q=spline(s), velocity=spline(s, 1) * ds[:, None] / slower, duration_s=duration_s)


def step(motion: Motion, q_target: Joints, limits: Limits, period_s: Period) -> Motion:
    """One period further towards a target that may move, from any state of motion; `q` is what to command.

    Args:
        motion: State after the last step; at first the measured positions at rest.
        q_target: Joint positions in rad, to be reached at rest.
        limits: One entry per joint.
        period_s: Control period.
    """
    _fit(limits, motion.q, motion.velocity, motion.acceleration, q_target)
    size = len(q_target)
    ruckig, wanted = Ruckig(size, period_s), InputParameter(size)
    wanted.current_position, wanted.target_position = motion.q.tolist(), q_target.tolist()
    wanted.current_velocity, wanted.current_acceleration = motion.velocity.tolist(), motion.acceleration.tolist()
    wanted.max_velocity, wanted.max_acceleration = limits.velocity.tolist(), limits.acceleration.tolist()
    wanted.max_jerk = limits.jerk.tolist()
    output = OutputParameter(size)
    _solved(lambda: ruckig.update(wanted, output))
    return Motion(
        q=np.array(output.new_position),
        velocity=np.array(output.new_velocity),
        acceleration=np.array(output.new_acceleration),
    )


def _law(way: float, velocity: float, acceleration: float, jerk: float) -> Course:
    """The quickest time law from 0 to `way`, from rest to rest."""
    wanted, course = InputParameter(1), Course(1)
    wanted.current_position, wanted.target_position = [0.0], [way]
    wanted.max_velocity, wanted.max_acceleration, wanted.max_jerk = [velocity], [acceleration], [jerk]
    _solved(lambda: Ruckig(1).calculate(wanted, course))
    return course


def _sampled(law: Course, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Place and speed of a time law at some times, shape (2, N)."""
    return np.array([[values[0] for values in law.at_time(min(t, law.duration))[:2]] for t in times]).T


def _stretch(spline: CubicSpline, law: Course, limits: Limits) -> float:
    """Factor on the duration at which the worst place of the path meets the tightest of its limits.

    With s(t) slowed down by k, velocities fall by k, accelerations by k², jerks by k³.
    """
    knots = [law.get_first_time_at_position(0, place) or 0.0 for place in spline.x]  # where the spline bends most
    times = np.sort([*knots, *np.linspace(0.0, law.duration, min(40 * len(spline.x), 20_000))])
    s, ds, dds = np.array([law.at_time(t) for t in times])[:, :, 0].T
    q1, q2, q3 = (spline(s, order) for order in (1, 2, 3))
    ds, dds = ds[:, None], dds[:, None]
    velocity = np.abs(q1 * ds).max(axis=0)
    acceleration = np.abs(q2 * ds**2 + q1 * dds).max(axis=0)
    jerk = (np.abs(q3 * ds**3 + 3.0 * q2 * ds * dds) + np.abs(q1) * _PATH_JERK).max(axis=0)
    ratios = (velocity / limits.velocity, np.sqrt(acceleration / limits.acceleration), np.cbrt(jerk / limits.jerk))
    return 1.01 * float(np.max(ratios))


def _times(duration_s: float, period_s: float) -> NDArray[np.float64]:
    _bounded(duration_s, period_s)
    return period_s * np.arange(1.0, max(1, int(np.ceil(duration_s / period_s - 1e-9))) + 1)


def _bounded(duration_s: float, period_s: float) -> None:
    most_s = min(MOST_SECONDS, period_s * MOST_ROWS)
    if duration_s > most_s:
        raise BadInput(f"the motion would take {duration_s:.0f} s; at most {most_s:g} s here: raise the limits")


def _fit(limits: Limits, *postures: NDArray[np.float64]) -> None:
    size = len(postures[0])
    values = (limits.velocity, limits.acceleration, limits.jerk)
    if any(len(entry) != size for entry in (*postures, *values)):
        raise BadInput(f"positions and limits must have the same number of joints, here {size}")
    if not size or not all((entry >= _LEAST_LIMIT).all() for entry in values):
        raise BadInput(f"limits of velocity, acceleration and jerk must be at least {_LEAST_LIMIT:g}")


def _solved(solve: Callable[[], Result]) -> None:
    try:
        result = solve()
    except RuckigError as error:
        raise BadInput(f"no motion under these limits from this state: {str(error).strip()[:80]}") from None
    if result not in (Result.Working, Result.Finished):
        raise BadInput(f"no motion under these limits from this state ({result.name}); is it too fast for them?")

"""Before anything moves: does what somebody wants to send fit the robot that would get it?"""

from collections.abc import Sequence

import numpy as np

from enpire.robots.robot import ActionSemantics, Description

_SAME = 1e-9


def misfits(wanted: ActionSemantics, robot: Description) -> list[str]:
    """Why actions as a task or policy declares them cannot go to a robot, one line each; empty if they can.

    The declared rate is that of the actions; whoever splits them for the robot's own rate must come out even on average
    (30 Hz on a loop of 100 Hz is 3-3-4 ticks). `most_change` is per action, so it is compared as speed.
    """
    has = robot.action
    if wanted.mode != has.mode:
        return [f"mode {wanted.mode}: {robot.name} takes {has.mode}"]
    if wrong := _shapes(wanted) + _shapes(has):
        return wrong
    if wanted.names != has.names:
        return _names(wanted.names, has.names, robot.name)
    return _bounds(wanted, robot) + _speeds(wanted, robot)


def _shapes(action: ActionSemantics) -> list[str]:
    found = []
    for field in ("low", "high", "most_change"):
        values: tuple[float, ...] = getattr(action, field)
        if len(values) != len(action.names):
            found.append(f"{field} has {len(values)} values for {len(action.names)} names")
        elif not np.isfinite(values).all():
            found.append(f"{field} is not finite for {action.names[int(np.argmin(np.isfinite(values)))]}")
    if not (np.isfinite(action.rate_hz) and action.rate_hz > 0):
        found.append(f"rate_hz={action.rate_hz} is not a positive number")
    return found


def _names(wanted: Sequence[str], has: Sequence[str], robot: str) -> list[str]:
    lacking, missing = [n for n in wanted if n not in has], [n for n in has if n not in wanted]
    found = []
    if lacking:
        found.append(f"{robot} has no {', '.join(lacking)}")
    if missing:
        found.append(f"nothing is sent for {', '.join(missing)}")
    if not found:
        at = next(i for i, (a, b) in enumerate(zip(wanted, has, strict=False)) if a != b)
        found.append(f"order: value {at} is {wanted[at]}, for {robot} it is {has[at]}")
    return found


def _bounds(wanted: ActionSemantics, robot: Description) -> list[str]:
    found = []
    for name, low, high, least, most in zip(
        wanted.names, wanted.low, wanted.high, robot.action.low, robot.action.high, strict=True
    ):
        if low > high:
            found.append(f"{name}: low {low:g} is above high {high:g}")
        elif low < least - _SAME or high > most + _SAME:
            found.append(f"{name}: [{low:g}, {high:g}] is not inside [{least:g}, {most:g}] of {robot.name}")
    return found


def _speeds(wanted: ActionSemantics, robot: Description) -> list[str]:
    has, found = robot.action, []
    if wanted.rate_hz > has.rate_hz + _SAME:
        found.append(f"rate {wanted.rate_hz:g} Hz is above the {has.rate_hz:g} Hz of {robot.name}")
    for name, change, most in zip(wanted.names, wanted.most_change, has.most_change, strict=True):
        if change <= 0:
            found.append(f"{name}: most_change {change:g} is not positive")
        elif change * wanted.rate_hz > most * has.rate_hz * (1 + 1e-6):
            asked, limit = change * wanted.rate_hz, most * has.rate_hz
            found.append(f"{name}: {asked:g} per second is faster than the {limit:g} of {robot.name}")
    return found

"""The panels under the idea tree: success curve, claims, and robots, all on the same time axis."""

from typing import Protocol

from markupsafe import Markup

from enpire.dashboard.svg import group, tag
from enpire.dashboard.text import count, duration, interval, percent
from enpire.ledger.state import State
from enpire.metrics.curves import CurvePoint, success_curve
from enpire.metrics.studies import claims, confirmations
from enpire.metrics.utilisation import PURPOSES, timeline

_HEIGHT, _ROW, _ROBOTS = 210.0, 16.0, 40.0


class Axis(Protocol):
    """What the panels need of the time axis."""

    @property
    def end_s(self) -> float:
        """Elapsed seconds at the right end."""
        ...

    def x(self, at_s: float) -> float:
        """Position of a time."""
        ...


def curve_panel(state: State, axis: Axis, top: float) -> tuple[Markup, float]:
    """Champion's success rate over time, with 95 % intervals, the target and the rate that selected each champion.

    Returns:
        The panel and its lower edge.
    """
    points = success_curve(state)

    def y(rate: float) -> float:
        return top + _HEIGHT * (1 - rate)

    left, right = axis.x(0), axis.x(axis.end_s)
    parts = [tag("text", "success", x=left - 14, y=y(1) - 9, class_="label end")]
    for rate in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(tag("line", x1=left, x2=right, y1=y(rate), y2=y(rate), class_="grid"))
        parts.append(tag("text", f"{rate:.0%}", x=left - 14, y=y(rate) + 4, class_="tick end"))
    if state.config is not None:
        target = y(state.config.target)
        parts.append(tag("line", x1=left, x2=right, y1=target, y2=target, class_="goal"))
        parts.append(tag("text", f"target {state.config.target:.0%}", x=left + 6, y=target - 5, class_="tick"))
    previous: float | None = None
    for point in points:
        parts.append(_reign(point, axis, top))
        if previous is not None and point.rate is not None:
            x = axis.x(point.at_s)
            parts.append(tag("line", x1=x, x2=x, y1=y(previous), y2=y(point.rate), class_="rate"))
        previous = point.rate if point.rate is not None else previous
    return group(*parts), top + _HEIGHT


def _reign(point: CurvePoint, axis: Axis, top: float) -> Markup:
    """One champion: band and line from fresh episodes, and a cross at the rate that crowned it."""
    x0, x1 = axis.x(point.at_s), axis.x(point.until_s)
    width = max(x1 - x0, 1.0)
    spent = f" and {point.robot_s / 60:.0f} robot-minutes" if point.robot_s else ""
    hover = (
        f"{point.idea} was champion from {duration(point.at_s)} to {duration(point.until_s)}\n"
        f"crowned after {point.played} episodes{spent}\n"
        f"fresh: {count(point.successes, point.episodes)} = {percent(point.rate)}, 95 % interval "
        f"{interval((point.low, point.high))}\n"
        f"in the evidence that crowned it: {count(point.selected_successes, point.selected_episodes)}"
    )
    kind = "band" if point.episodes else "band empty"
    height = max(_HEIGHT * (point.high - point.low), 1.0)
    parts = [tag("title", hover)]
    parts.append(tag("rect", x=x0, y=top + _HEIGHT * (1 - point.high), width=width, height=height, class_=kind))
    if point.rate is not None:
        y = top + _HEIGHT * (1 - point.rate)
        parts.append(tag("line", x1=x0, x2=x0 + width, y1=y, y2=y, class_="rate"))
    if point.selected_rate is not None:
        y = top + _HEIGHT * (1 - point.selected_rate)
        cross = f"M{x0 - 4:.1f},{y - 4:.1f} l8,8 m0,-8 l-8,8"
        parts.append(tag("path", d=cross, class_="selected"))
    if width > 30:
        parts.append(tag("text", point.idea, x=x0 + width / 2, y=top + _HEIGHT - 7, class_="tick middle"))
    return group(*parts)


def claim_strip(state: State, axis: Axis, top: float) -> tuple[Markup, float]:
    """One bar per claim and confirmation, while it ran."""
    rows: list[tuple[str, list[tuple[float, float | None, str, str]]]] = [
        (
            "claims",
            [(c.opened_s, c.closed_s, c.state, f"{c.study}: {c.idea}, success ≥ {c.p0:g}") for c in claims(state)],
        ),
        (
            "confirms",
            [
                (c.opened_s, c.closed_s, c.state, f"{c.study}: {c.idea} better than its rival")
                for c in confirmations(state)
            ],
        ),
    ]
    parts = []
    for label, bars in rows:
        if not bars:
            continue
        parts.append(tag("text", label, x=axis.x(0) - 14, y=top + 10, class_="label end"))
        for opened, closed, verdict, text in bars:
            x0, x1 = axis.x(opened), axis.x(closed if closed is not None else state.elapsed_s)
            shape = tag(
                "rect",
                x=x0,
                y=top,
                width=max(x1 - x0, 2.0),
                height=11.0,
                rx=2.0,
                class_=f"claim {verdict.replace(' ', '-')}",
            )
            parts.append(group(tag("title", f"{text}: {verdict}"), shape))
        top += _ROW
    return group(*parts), top


def robot_strip(state: State, axis: Axis, top: float) -> tuple[Markup, float]:
    """Share of the stations that are busy, over time, stacked by purpose."""
    bins = 116
    left, right = axis.x(0), axis.x(axis.end_s)
    width = (right - left) / bins
    parts = [
        tag("rect", x=left, y=top, width=right - left, height=_ROBOTS, class_="frame"),
        tag("text", "robots", x=left - 14, y=top + 12, class_="label end"),
        tag("text", "100%", x=left - 14, y=top + 27, class_="tick end"),
    ]
    for index, piece in enumerate(timeline(state, bins)):
        y = top + _ROBOTS
        for purpose in PURPOSES:
            height = _ROBOTS * piece[purpose]
            if height <= 0:
                continue
            y -= height
            parts.append(
                tag("rect", x=left + index * width, y=y, width=width + 0.3, height=height, class_=f"use {purpose}")
            )
    return group(*parts), top + _ROBOTS

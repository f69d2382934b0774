"""The idea tree over the success curve, on one time axis, as in Figure 12 of the ENPIRE paper."""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from markupsafe import Markup

from enpire.dashboard.lower_panels import claim_strip, curve_panel, robot_strip
from enpire.dashboard.svg import curve, group, tag
from enpire.dashboard.text import count, duration, one_line, percent
from enpire.ledger.state import IdeaNode, State

WIDTH, LEFT, RIGHT = 1160.0, 92.0, 26.0
_LANE, _TOP = 44.0, 22.0
_STEPS_S = (10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


@dataclass(frozen=True)
class TimeAxis:
    """Elapsed seconds to horizontal position."""

    end_s: float

    def x(self, at_s: float) -> float:
        """Position of a time."""
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(at_s / self.end_s, 0.0), 1.0)

    def ticks(self) -> list[tuple[float, str]]:
        """At most 13 round times with their labels."""
        step = next((s for s in _STEPS_S if self.end_s / s <= 12), 86400 * ceil(self.end_s / 86400 / 12))
        unit, name = (3600, "h") if step >= 1800 else (60, "min") if step >= 60 else (1, "s")
        return [(i * step, f"{i * step / unit:g} {name}") for i in range(int(self.end_s / step) + 1)]


def idea_tree(state: State) -> Markup:
    """The figure as one SVG element; every dot links to the idea's row `#idea-<id>`."""
    axis = TimeAxis(max(state.elapsed_s, 1.0))
    places = _places(state, axis)
    lanes = _lanes(state)
    tree_end = _TOP + _LANE * (len(lanes) + 1)
    parts = [_lane_lines(lanes, axis), _edges(state, places), _dots(state, places)]
    drop_lines, curve_end = curve_panel(state, axis, tree_end + 26)
    strip, strip_end = claim_strip(state, axis, curve_end + 14)
    robots, bottom = robot_strip(state, axis, strip_end + 12)
    ticks = _ticks(axis, _TOP - 8, bottom)
    return tag(
        "svg",
        tag("title", "Idea tree over success curve", id="figure-title"),
        tag("desc", _description(state), id="figure-desc"),
        ticks,
        _crown_lines(state, axis, places, tree_end + 26),
        *parts,
        drop_lines,
        strip,
        robots,
        viewBox=f"0 0 {WIDTH:g} {bottom + 26:g}",
        role="group",
        aria_labelledby="figure-title figure-desc",
        class_="figure",
    )


def _lanes(state: State) -> list[str]:
    """Agents in order of their first idea."""
    return list(dict.fromkeys(node.idea.agent for name, node in state.ideas.items() if name != "0000"))


def _places(state: State, axis: TimeAxis) -> dict[str, tuple[float, float]]:
    """Position of every idea: when it was decided (now, if it is not), in the lane of its agent."""
    rows = {agent: _TOP + _LANE * (index + 1.5) for index, agent in enumerate(_lanes(state))}
    return {
        name: (
            axis.x(node.decided_s if node.decided_s is not None else state.elapsed_s),
            rows.get(node.idea.agent, _TOP + _LANE / 2) if name != "0000" else _TOP + _LANE / 2,
        )
        for name, node in state.ideas.items()
    }


def _lane_lines(lanes: list[str], axis: TimeAxis) -> Markup:
    parts = []
    for index, name in enumerate(["baseline", *lanes]):
        y = _TOP + _LANE * (index + 0.5)
        parts.append(tag("text", one_line(name, 12), x=LEFT - 14, y=y + 4, class_="label end"))
        parts.append(tag("line", x1=axis.x(0), x2=WIDTH - RIGHT, y1=y, y2=y, class_="lane"))
    return group(*parts)


def _edges(state: State, places: dict[str, tuple[float, float]]) -> Markup:
    """Thin curves to ideas of other lanes that were built on; a thick line through the champion's lineage."""
    thin, thick = [], []
    lineage = state.lineage(state.champion.idea) if state.crowns else []
    main = set(pairwise(lineage))
    for name, node in state.ideas.items():
        sources = dict.fromkeys([*([node.idea.parent] if node.idea.parent else []), *node.idea.inspired_by])
        for source in sources:
            if source not in places:
                continue
            (x0, y0), (x1, y1) = places[source], places[name]
            if (source, name) in main:
                thick.append(tag("path", d=curve(x0, y0, x1, y1), class_="lineage"))
            elif y0 != y1:
                thin.append(tag("path", d=curve(x0, y0, x1, y1), class_=f"edge {node.verdict or 'open'}"))
    return group(*thin, *thick)


def _dots(state: State, places: dict[str, tuple[float, float]]) -> Markup:
    crowned = {crown.idea for crown in state.crowns}
    order = {None: 0, "dropped": 1, "refused": 1, "parked": 2, "kept": 3}
    dots = []
    for name, node in sorted(state.ideas.items(), key=lambda pair: (pair[0] in crowned, order[pair[1].verdict])):
        x, y = places[name]
        dots.append(
            tag("a", tag("title", _hover(name, node)), *_mark(node, name in crowned, x, y), href=f"#idea-{name}")
        )
    return group(*dots)


def _mark(node: IdeaNode, crowned: bool, x: float, y: float) -> list[Markup]:
    """Shape and colour both tell the verdict, so that neither is needed alone."""
    target = tag("circle", cx=x, cy=y, r=11.0, class_="target")
    if crowned:
        return [
            target,
            tag("circle", cx=x, cy=y, r=7.5, class_="ring"),
            tag("circle", cx=x, cy=y, r=2.6, class_="kept"),
        ]
    if node.verdict == "kept":
        return [target, tag("circle", cx=x, cy=y, r=5.0, class_="kept")]
    if node.verdict == "parked":
        corners = f"{x:.1f},{y - 5.5:.1f} {x + 5.5:.1f},{y:.1f} {x:.1f},{y + 5.5:.1f} {x - 5.5:.1f},{y:.1f}"
        return [target, tag("polygon", points=corners, class_="parked")]
    return [target, tag("circle", cx=x, cy=y, r=3.2, class_=node.verdict or "open")]


def _hover(name: str, node: IdeaNode) -> str:
    episodes, successes, _ = node.evidence.get(node.best, (0, 0, 0.0))
    when = f"at {duration(node.decided_s)}" if node.decided_s is not None else "race still open"
    won = f"\nbest arm {count(successes, episodes)}, P(better) {percent(node.probability)}" if episodes else ""
    return f"{name} {node.idea.kind}, {node.verdict or 'open'}, {when}\n{one_line(node.idea.hypothesis, 240)}{won}"


def _crown_lines(state: State, axis: TimeAxis, places: dict[str, tuple[float, float]], y: float) -> Markup:
    lines = [
        tag("line", x1=axis.x(c.at_s), x2=axis.x(c.at_s), y1=places[c.idea][1] + 8, y2=y, class_="drop")
        for c in state.crowns
        if c.idea in places
    ]
    return group(*lines)


def _ticks(axis: TimeAxis, top: float, bottom: float) -> Markup:
    parts = []
    for at_s, label in axis.ticks():
        parts.append(tag("line", x1=axis.x(at_s), x2=axis.x(at_s), y1=top, y2=bottom, class_="grid"))
        parts.append(tag("text", label, x=axis.x(at_s), y=bottom + 17, class_="tick middle"))
    return group(*parts)


def _description(state: State) -> str:
    tally = state.idea_counts()
    return (
        f"One lane per agent, one mark per idea at the time of its verdict: {tally['tried']} tried, {tally['kept']} "
        f"kept, {tally['dropped']} dropped, {tally['parked']} parked, {len(state.crowns) - 1} of them crowned. Below, "
        "on the same axis: the champion's success rate with its interval, the claims, and how busy the robots were. "
        "The tables under the figure hold the same numbers."
    )

"""Success curves of finished campaigns over episodes and robot-minutes, as one picture and as rows.

    python benchmarks/campaign/curves.py DIR [DIR ...] --out curves.svg

A reign of a champion is a flat piece at the rate of its fresh episodes, which did not select it. A claim is a dot where
it was certified. Everything is read from the ledgers; nothing is run.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from enpire.cli.inspect import read_state
from enpire.dashboard.svg import group, number, tag
from enpire.ledger.events import StudyClosed
from enpire.ledger.state import State
from enpire.metrics.curves import success_curve

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
WIDTH, HEIGHT, LEFT, TOP, GAP = 430.0, 260.0, 60.0, 40.0, 90.0
ROUND = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True)
class Line:
    """One campaign: corners (x, rate) of its steps, and the claim's place if one was certified."""

    name: str
    corners: tuple[tuple[float, float], ...]
    certified: tuple[float, float] | None


def spent(state: State, at_s: float) -> tuple[int, float]:
    """Episodes recorded by then, and the robot-minutes they took."""
    before = [state.episodes[t] for t, then in state.recorded_s.items() if then <= at_s]
    return len(before), sum(x.robot_s for x in before) / 60


def line(state: State, axis: int) -> Line:
    """Steps of one campaign over episodes (axis 0) or robot-minutes (axis 1)."""
    assert state.config is not None
    corners: list[tuple[float, float]] = []
    for point in success_curve(state):
        if point.rate is not None:
            corners.append(((point.played, point.robot_s / 60)[axis], point.rate))
            corners.append((spent(state, point.until_s)[axis], point.rate))
    claims = [x for x in state.studies.values() if x.opened.kind == "claim" and isinstance(x.closed, StudyClosed)]
    won = [x for x in claims if isinstance(x.closed, StudyClosed) and x.closed.accepted]
    place = None
    if won:
        outcomes = [x.success for x in won[-1].of(won[-1].opened.arms[0])]
        place = spent(state, won[-1].closed_s or 0.0)[axis], sum(outcomes) / len(outcomes)
    return Line(f"seed {state.config.seed}", tuple(corners), place)


def panel(lines: Sequence[Line], left: float, label: str, target: float) -> str:
    """One set of axes."""
    end = max((x for drawn in lines for x, _ in drawn.corners), default=1.0) or 1.0

    def at(x: float, rate: float) -> tuple[float, float]:
        return left + WIDTH * x / end, TOP + HEIGHT * (1 - rate)

    parts = []
    for rate in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = at(0, rate)
        parts.append(tag("line", x1=x, x2=x + WIDTH, y1=y, y2=y, stroke="#ddd"))
        parts.append(tag("text", f"{rate:.0%}", x=x - 6, y=y + 4, text_anchor="end"))
    step = next((size for size in ROUND if end / size <= 8), ROUND[-1])
    for tick in range(0, int(end) + 1, step):
        x, y = at(tick, 0)
        parts.append(tag("text", str(tick), x=x, y=y + 16, text_anchor="middle"))
    parts.append(tag("text", label, x=left + WIDTH / 2, y=TOP + HEIGHT + 36, text_anchor="middle"))
    x, y = at(0, target)
    parts.append(tag("line", x1=x, x2=x + WIDTH, y1=y, y2=y, stroke="#555", stroke_dasharray="4 3"))
    for colour, drawn in zip(COLOURS, lines, strict=False):
        points = " ".join(f"{number(x)},{number(y)}" for x, y in (at(*corner) for corner in drawn.corners))
        parts.append(tag("polyline", points=points, fill="none", stroke=colour, stroke_width=2))
        if drawn.certified is not None:
            x, y = at(*drawn.certified)
            parts.append(tag("circle", cx=x, cy=y, r=4, fill=colour))
    return group(*parts)


def picture(states: Sequence[State], title: str) -> str:
    """Both panels with a legend."""
    target = states[0].config.target if states[0].config is not None else 0.9
    panels = [
        panel([line(state, axis) for state in states], LEFT + axis * (WIDTH + GAP), label, target)
        for axis, label in enumerate(("episodes, all candidates", "robot-minutes, resets included"))
    ]
    legend = [
        tag("text", drawn.name + (", claim certified (dot)" if drawn.certified else ", no claim"), fill=colour)
        for colour, drawn in zip(COLOURS, (line(state, 0) for state in states), strict=False)
    ]
    rows = [
        group(text, transform=f"translate({LEFT + WIDTH - 190:.0f} {TOP + HEIGHT - 16 * (len(legend) - index):.0f})")
        for index, text in enumerate(legend)
    ]
    full = LEFT + 2 * WIDTH + GAP + 30
    return str(
        tag(
            "svg",
            tag("rect", width=full, height=TOP + HEIGHT + 50, fill="white"),
            tag("text", title, x=LEFT, y=20, font_weight="bold"),
            *panels,
            *rows,
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {full:g} {TOP + HEIGHT + 50:g}",
            font_family="sans-serif",
            font_size=12,
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("campaigns", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    states = [read_state(path) for path in arguments.campaigns]
    assert states[0].config is not None
    arguments.out.write_text(picture(states, f"Champion's fresh success rate, {states[0].config.task}") + "\n")
    for state in states:
        assert state.config is not None
        for point in success_curve(state):
            rate = "-" if point.rate is None else f"{point.rate:.2f} [{point.low:.2f}, {point.high:.2f}]"
            print(
                f"seed {state.config.seed}  {point.idea}  from episode {point.played}, {point.robot_s / 60:.0f} "
                f"robot-minutes: {point.successes}/{point.episodes} = {rate}"
            )


if __name__ == "__main__":
    main()

"""Close the gripper and say what it got, from width and effort."""

from dataclasses import dataclass
from typing import Annotated, Literal

from enpire.tools.bounds import Range
from enpire.tools.control.compensation import Period

TOOLS = ("start", "step")

Outcome = Literal["closing", "holding", "empty", "blocked"]
"""holding: stalled with effort on something of the expected width. empty: closed further than that, or what it held is
gone. blocked: stalled on something wider, or the fingers do not move."""

STALL_S = 0.15
PATIENCE_S = 2.0
_SQUEEZE = 0.05
"""How far the command stays below the opening while it holds."""

Opening = Annotated[float, Range(-0.2, 1.2)]
Width = Annotated[float, Range(0.0, 0.2)]


@dataclass(frozen=True, kw_only=True)
class GraspState:
    """A grasp under way.

    Attributes:
        command: Opening commanded last, in [0, 1].
        opening: Measured last.
        still_s: How long the fingers have not moved.
        closed_s: How long the command has been fully closed.
        width_m: Between the pads.
        outcome: What came of it.
    """

    command: Opening
    opening: Opening
    still_s: float
    closed_s: float
    width_m: float
    outcome: Outcome


def start(opening: Opening, gap_m: Width = 0.096) -> GraspState:
    """State at the start of a grasp.

    Args:
        opening: Measured opening, 1 is open.
        gap_m: Between the pads at opening 1.
    """
    return GraspState(
        command=min(max(opening, 0.0), 1.0),
        opening=opening,
        still_s=0.0,
        closed_s=0.0,
        width_m=max(0.0, opening * gap_m),
        outcome="closing",
    )


def step(
    state: GraspState,
    opening: Opening,
    effort_n: Annotated[float, Range(-1e3, 1e3)],
    period_s: Period,
    narrowest_m: Width = 0.002,
    widest_m: Width = 0.09,
    force_n: Annotated[float, Range(0.1, 100.0)] = 2.0,
    speed_per_s: Annotated[float, Range(0.05, 10.0)] = 1.0,
    gap_m: Width = 0.096,
) -> tuple[GraspState, float]:
    """One control period: the next state, and the opening to command, in [0, 1].

    Args:
        state: After the last step.
        opening: Measured opening, 1 is open.
        effort_n: Measured effort of the gripper; its size counts, not its sign.
        period_s: Control period.
        narrowest_m, widest_m: What the thing to grasp may measure between the pads.
        force_n: Effort that counts as pressing.
        speed_per_s: Opening per second to close with.
        gap_m: Between the pads at opening 1.
    """
    width_m = max(0.0, opening * gap_m)
    moved = state.opening - opening > 0.2 * speed_per_s * period_s
    still_s = 0.0 if moved else state.still_s + period_s
    closed_s = state.closed_s + period_s if state.command <= 0.0 else 0.0
    if state.outcome == "holding":
        outcome: Outcome = "holding" if width_m >= narrowest_m else "empty"
        command = state.command
    elif state.outcome != "closing":
        outcome, command = state.outcome, state.command
    else:
        outcome = _judge(width_m, abs(effort_n) >= force_n, still_s, closed_s, (narrowest_m, widest_m))
        command = max(0.0, state.command - speed_per_s * period_s)
        if outcome in ("holding", "blocked"):
            command = min(max(opening - _SQUEEZE, 0.0), 1.0)
    return GraspState(
        command=command, opening=opening, still_s=still_s, closed_s=closed_s, width_m=width_m, outcome=outcome
    ), command


def _judge(width_m: float, presses: bool, still_s: float, closed_s: float, expected_m: tuple[float, float]) -> Outcome:
    narrowest_m, widest_m = expected_m
    if still_s < STALL_S:
        return "closing"
    if presses and narrowest_m <= width_m <= widest_m:
        return "holding"
    if presses and width_m > widest_m:
        return "blocked"
    if closed_s >= STALL_S and width_m < narrowest_m:
        return "empty"
    return "blocked" if closed_s >= PATIENCE_S else "closing"

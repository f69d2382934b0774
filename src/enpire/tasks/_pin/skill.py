"""Motions of the right arm that a reset needs: go, descend, search, grip, let go. By joint commands only."""

import mink
import numpy as np
from numpy.typing import NDArray

from enpire.environment.cell import Cell
from enpire.tasks._pin.facts import ARM, REST
from enpire.tools.control import compensation, descent, spiral

OPEN, CLOSED = 0.35, 0.0
_PATIENCE_S = 2.5
_LONGEST_S = 12.0
"""Of a descent or a search."""
_SETTLED_S = 0.15


class Hand:
    """The right arm of a cell, with the gripper's opening and the joint command now in force."""

    def __init__(self, cell: Cell, opening: float) -> None:
        self.cell = cell
        self._arm = cell.arms[ARM]
        self._entries = cell.entries(ARM)
        self.opening = opening
        self._q = self.joints.copy()

    @property
    def joints(self) -> NDArray[np.float64]:
        """Measured, rad, shape (6,)."""
        return self.cell.state[self._entries][:-1]

    @property
    def width_m(self) -> float:
        """Between the pads."""
        return float(self.cell.state[self._entries][-1]) * 0.096

    @property
    def pose(self) -> mink.SE3:
        """T_world_tool by the measured joints."""
        return self._arm.forward(self.joints)

    def go(self, T_world_tool: mink.SE3, *, speed_m_s: float = 0.06) -> None:
        """Compensated move to a pose; ends when the measured pose is within tolerance, or after some patience."""
        gains = compensation.Gains(speed_m_s=speed_m_s, integral_per_s=1.0, tolerance_m=0.0008)
        state = compensation.start(self._arm, self._q, self.joints)
        way_m = float(np.linalg.norm(T_world_tool.translation() - self.pose.translation()))
        settled_s = 0.0
        for _ in range(round((way_m / speed_m_s + _PATIENCE_S) / self.cell.period_s)):
            period_s = self.cell.period_s
            state, self._q = compensation.step(state, self._arm, self.joints, T_world_tool, period_s, gains=gains)
            self._act()
            settled_s = settled_s + period_s if state.arrived else 0.0
            if settled_s >= _SETTLED_S:
                return

    def grip(self, opening: float, seconds: float = 0.6) -> None:
        """Open or close, and wait."""
        self.opening = opening
        for _ in range(round(seconds / self.cell.period_s)):
            self._act()

    def lower(self, depth_m: float, *, force_n: float) -> str:
        """Guarded descent; returns its outcome."""
        state = descent.start(self._arm, self._q, self.joints, self._effort)
        for _ in range(round(_LONGEST_S / self.cell.period_s)):
            if state.outcome != "descending":
                break
            state, self._q = descent.step(
                state, self._arm, self.joints, self._effort, self.cell.period_s, depth_m, force_n=force_n
            )
            self._act()
        self._bias = state.bias
        return state.outcome

    def search(self, radius_m: float, *, press_n: float) -> str:
        """Spiral search from where a descent met something; returns its outcome."""
        state = spiral.start(self._arm, self._q, self.joints, self._bias)
        for _ in range(round(_LONGEST_S / self.cell.period_s)):
            if state.outcome != "searching":
                break
            state, self._q = spiral.step(
                state, self._arm, self.joints, self._effort, self.cell.period_s, radius_m=radius_m, press_n=press_n
            )
            self._act()
        return state.outcome

    @property
    def _effort(self) -> NDArray[np.float64]:
        return self.cell.effort[self._entries][:-1]

    def _act(self) -> None:
        action = np.array(self.cell.state)
        action[self.cell.entries("left")] = REST
        action[self._entries] = (*self._q, self.opening)
        self.cell.act(action)

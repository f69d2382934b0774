"""The strip under a station's film: force on the tool, grip and progress over time, drawn with NumPy."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from enpire.environment.drive import RATE_HZ
from enpire.tools.control import contact

if TYPE_CHECKING:
    from enpire.environment.cell import Cell

Array = NDArray[np.float64]

HEIGHT_PX = 84
TOOL_FULL_N, GRIP_FULL_N = 20.0, 30.0
"""Forces at the upper edge of the plot."""
_BACK, _AXIS, _WHITE = (22, 24, 29), (58, 63, 73), (200, 205, 214)
_TOOL, _GRIP, _PROGRESS = (242, 128, 64), (112, 168, 255), (95, 208, 138)
_TEXT_PX, _BASE_PX = 16, 2
_TICKS_S = (1.0, 5.0, 10.0, 30.0, 60.0)
_MOST_TICKS = 16
_FONT = {
    "0": "75557", "1": "26227", "2": "71747", "3": "71717", "4": "55711", "5": "74717", "6": "74757", "7": "71122",
    "8": "75757", "9": "75717", "E": "74647", "F": "74644", "G": "74557", "I": "72227", "L": "44447", "N": "65555",
    "O": "75557", "P": "75744", "R": "75765", "S": "74717", "T": "72222", ".": "00002", "%": "51245", " ": "00000",
}  # fmt: skip
"""Five rows of three pixels per sign, a row as an octal digit."""
_SCALE = 2


class Strip:
    """Force on the tool, grip and progress of an episode so far."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, float, float]] = []
        self._readings: list[tuple[Cell, Array, Array, float]] = []
        self._free_air: dict[str, contact.Bias] = {}

    def see(self, cell: "Cell", progress: float) -> None:
        """One control period more. Its forces are worked out when a picture asks for them: most episodes have none."""
        self._readings.append((cell, cell.state.copy(), cell.effort.copy(), progress))

    def _work_out(self) -> None:
        """Rows of the readings since the last picture.

        The force on the tool is the larger one of both arms, estimated from motor efforts, with the first reading of
        the episode as free air: off by 1 to 2 N of dry friction at a standstill.
        """
        for cell, state, efforts, progress in self._readings:
            tool_n = grip_n = 0.0
            for name, arm in cell.arms.items():
                entries = cell.entries(name)
                q, effort, grip = state[entries][:-1], efforts[entries][:-1], efforts[entries][-1]
                bias = self._free_air.setdefault(name, contact.free_air(arm, q, effort))
                tool_n = max(tool_n, float(np.linalg.norm(contact.force(arm, q, effort, bias))))
                grip_n = max(grip_n, abs(float(grip)))
            self.add(tool_n, progress, grip_n)
        self._readings.clear()

    def add(self, tool_n: float, progress: float, grip_n: float) -> None:
        """One control period more: force on the tool (N), progress in [0, 1], force of the gripper (N)."""
        self._rows.append((tool_n, grip_n, progress))

    def under(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture (H, W, 3) with the strip below it, (H + 84, W, 3)."""
        self._work_out()
        strip = np.full((HEIGHT_PX, picture.shape[1], 3), _BACK, np.uint8)
        plot = strip[_TEXT_PX : HEIGHT_PX - _BASE_PX]
        self._axes(plot)
        tool_n, grip_n, progress = self._rows[-1] if self._rows else (0.0, 0.0, 0.0)
        rows = np.array(self._rows or [(0.0, 0.0, 0.0)]) / (TOOL_FULL_N, GRIP_FULL_N, 1.0)
        for values, ink in zip(rows.T, (_TOOL, _GRIP, _PROGRESS), strict=True):
            _curve(plot, values, ink)
        words = (
            (f"TOOL {tool_n:4.1f} OF {TOOL_FULL_N:.0f} N", _TOOL),
            (f"GRIP {grip_n:4.1f} OF {GRIP_FULL_N:.0f} N", _GRIP),
            (f"PROGRESS {100 * progress:3.0f}%", _PROGRESS),
            (f"{len(self._rows) / RATE_HZ:5.1f} S", _WHITE),
        )
        left = 8
        for text, ink in words:
            _write(strip[3:], left, text, ink)
            left += strip.shape[1] // len(words)
        return np.concatenate([picture, strip])

    def _axes(self, plot: NDArray[np.uint8]) -> None:
        """Lines at nothing, half and full scale, and one per second or so."""
        height, width, _ = plot.shape
        plot[[0, height // 2, height - 1]] = _AXIS
        duration_s = max(len(self._rows), 2) / RATE_HZ
        spacing_s = next((t for t in _TICKS_S if duration_s / t <= _MOST_TICKS), _TICKS_S[-1])
        ticks = np.arange(spacing_s, duration_s, spacing_s) / duration_s
        plot[:, (ticks * (width - 1)).astype(int)] = _AXIS


def _curve(plot: NDArray[np.uint8], values: NDArray[np.float64], ink: tuple[int, int, int]) -> None:
    """Values in [0, 1] over the whole width, as a connected line of two pixels."""
    height, width, _ = plot.shape
    places = np.linspace(0, width - 1, max(len(values), 2))[: len(values)]
    shares = np.clip(np.interp(np.arange(width), places, values), 0.0, 1.0)
    rows = ((1.0 - shares) * (height - 2)).astype(int)
    before = np.concatenate([rows[:1], rows[:-1]])
    every = np.arange(height)[:, None]
    plot[(every >= np.minimum(rows, before)) & (every <= np.maximum(rows, before) + 1)] = ink


def _write(canvas: NDArray[np.uint8], left: int, text: str, ink: tuple[int, int, int]) -> None:
    """Write signs of the font from `left` on, as far as there is room."""
    for sign in text:
        bits = np.array([[int(row) >> shift & 1 for shift in (2, 1, 0)] for row in _FONT[sign]], bool)
        large = bits.repeat(_SCALE, 0).repeat(_SCALE, 1)
        if left + large.shape[1] <= canvas.shape[1]:
            canvas[: large.shape[0], left : left + large.shape[1]][large] = ink
        left += 4 * _SCALE

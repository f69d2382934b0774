"""The states of a world at the moments at which its cameras expose, so that pictures can be taken later, or never.

A state is kept every camera period, at the control tick nearest to it. That costs microseconds; drawing costs
milliseconds and happens only when somebody looks.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import floor

import mujoco
import numpy as np
from numpy.typing import NDArray

from enpire.simulation.rendering import Renderer
from enpire.simulation.world import World

PERIOD_S = 1 / 30
_HALF_TICK_S = 0.005
_KEPT = 128
MOST_LOST = 30
"""Frames in a row that may be lost."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Exposure:
    """One moment.

    Attributes:
        number: Counted from the begin of the episode; negative before it.
        time_s: World time.
        positions: MuJoCo's `qpos`.
        mocap: Positions and quaternions of mocap bodies, flattened.
    """

    number: int
    time_s: float
    positions: NDArray[np.float64]
    mocap: NDArray[np.float64]


class Exposures:
    """Film of one world, shared by its cameras."""

    def __init__(self, world: World, period_s: float = PERIOD_S) -> None:
        self.world = world
        self.period_s = period_s
        self.seed = 0
        self._film: deque[Exposure] = deque(maxlen=_KEPT)
        self._data = mujoco.MjData(world.model)
        self._placed: Exposure | None = None
        self._renderer: Renderer | None = None
        self.begin_episode(0)
        world.before_tick(self.record)

    def begin_episode(self, seed: int) -> None:
        """Forget the past: frame 0 is exposed now, and before it the scene is taken to have stood as it does now."""
        self.seed = seed
        self._start_s = self.world.time_s
        self._film.clear()
        self._placed = None
        self.record()

    def record(self) -> None:
        """Keep the state of this moment if a frame is exposed now. Called at every tick and before every look."""
        now = self.world.time_s
        number = floor((now - self._start_s + _HALF_TICK_S) / self.period_s)
        if self._film and now < self._film[-1].time_s - _HALF_TICK_S:  # an earlier state was restored
            self.begin_episode(self.seed)
        elif not self._film or number > self._film[-1].number:
            data = self.world.data
            mocap = np.concatenate([data.mocap_pos.ravel(), data.mocap_quat.ravel()])
            self._film.append(Exposure(number=number, time_s=now, positions=data.qpos.copy(), mocap=mocap))

    def newest(self) -> int:
        """Number of the newest frame exposed so far."""
        self.record()
        return self._film[-1].number

    def exposure(self, number: int) -> Exposure:
        """The frame of a number, or the oldest one that is still kept."""
        first = self._film[0]
        if number < 0:
            time_s = self._start_s + number * self.period_s
            return Exposure(number=number, time_s=time_s, positions=first.positions, mocap=first.mocap)
        return next((kept for kept in reversed(self._film) if kept.number <= number), first)

    def arrived(self, latest_s: float, lost: Callable[[int], bool]) -> Exposure:
        """The newest frame exposed at `latest_s` or before, of those that are not lost by their number."""
        number = self._film[-1].number
        while self.exposure(number).time_s > latest_s + 1e-9:
            number -= 1
        for _ in range(MOST_LOST):
            if not lost(number):
                break
            number -= 1
        return self.exposure(number)

    def state(self, exposure: Exposure) -> mujoco.MjData:
        """The world as it stood then: bodies, geoms and lamps only."""
        if self._placed is not exposure:
            self._data.qpos[:] = exposure.positions
            self._data.mocap_pos.flat[:] = exposure.mocap[: self._data.mocap_pos.size]
            self._data.mocap_quat.flat[:] = exposure.mocap[self._data.mocap_pos.size :]
            mujoco.mj_kinematics(self.world.model, self._data)
            mujoco.mj_camlight(self.world.model, self._data)
            self._placed = exposure
        return self._data

    def renderer(self) -> Renderer:
        """The renderer of this world's cameras.

        Raises:
            MissingProgram: This machine has no OpenGL that works without a screen.
        """
        if self._renderer is None:
            self._renderer = Renderer(self.world.model)
        return self._renderer

    def close(self) -> None:
        """Give back the renderer; the next picture takes a new one."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

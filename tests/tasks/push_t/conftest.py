"""Push-T on a simulated station, opened once per level: building and rendering a station takes seconds."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from enpire.core.errors import MissingProgram
from enpire.environment.station_task import StationTask
from enpire.tasks import push_t_simple
from enpire.tasks._push_t import block

Open = Callable[..., StationTask]


@pytest.fixture(scope="session")
def open_station() -> Iterator[Open]:
    """Opens stations with options; skips without OpenGL. They are placed by hand unless `fast_reset=0` is given."""
    opened: list[StationTask] = []

    def make(**options: float) -> StationTask:
        try:
            task = push_t_simple.make({"fast_reset": 1.0, **options})
        except MissingProgram as missing:
            pytest.skip(str(missing))
        assert isinstance(task, StationTask)
        opened.append(task)
        return task

    yield make
    for task in opened:
        task.close()


@pytest.fixture(scope="session")
def station(open_station: Open) -> StationTask:
    """A real-like station (level 2)."""
    return open_station(level=2, station_seed=3)


@pytest.fixture
def lay(station: StationTask) -> Callable[[float, float, float], np.ndarray]:
    """Reset and lay the block so far off its goal: center dx m and dy m, yaw rad; returns the hold action."""

    def place(dx_m: float, dy_m: float, yaw_rad: float) -> np.ndarray:
        goal = np.array(block.GOAL)
        observation, _ = station.reset(seed=1)
        world = station.setup.world
        block.put(
            world.model, world.data, block.at_center(block.center(goal) + np.array([dx_m, dy_m]), goal[2] + yaw_rad)
        )
        world.refresh()
        return np.clip(observation["observation.state"], station.spec.action.low, station.spec.action.high)

    return place

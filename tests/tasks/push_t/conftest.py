"""Stations of Push-T."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from tests.tasks.conftest import OpenStation

from enpire.environment.station_task import StationTask
from enpire.tasks._push_t import block


@pytest.fixture(scope="session")
def open_station(open_any_station: OpenStation) -> OpenStation:
    """Opens stations of push_t_simple with options."""
    return partial(open_any_station, "push_t_simple")


@pytest.fixture(scope="session")
def station(open_station: OpenStation) -> StationTask:
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

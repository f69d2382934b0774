"""Stations of pin insertion."""

from functools import partial

import pytest
from tests.tasks.conftest import Open

from enpire.environment.station_task import StationTask


@pytest.fixture(scope="session")
def open_station(open_task: Open) -> Open:
    """Opens stations of pin_insertion with options."""
    return partial(open_task, "pin_insertion")


@pytest.fixture(scope="session")
def station(open_station: Open) -> StationTask:
    """A real-like station (level 2)."""
    return open_station(level=2, station_seed=3)

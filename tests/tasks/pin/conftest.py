"""Stations of pin insertion."""

from functools import partial

import pytest
from tests.tasks.conftest import OpenStation

from enpire.environment.station_task import StationTask


@pytest.fixture(scope="session")
def open_station(open_any_station: OpenStation) -> OpenStation:
    """Opens stations of pin_insertion with options."""
    return partial(open_any_station, "pin_insertion")


@pytest.fixture(scope="session")
def station(open_station: OpenStation) -> StationTask:
    """A real-like station (level 2)."""
    return open_station(level=2, station_seed=3)

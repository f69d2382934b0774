"""Pin insertion on simulated stations, opened once each: building a station takes seconds."""

from collections.abc import Callable, Iterator

import pytest

from enpire.core.errors import MissingProgram
from enpire.environment.station_task import StationTask
from enpire.tasks import pin_insertion

Open = Callable[..., StationTask]


@pytest.fixture(scope="session")
def open_station() -> Iterator[Open]:
    """Opens stations with options; skips without OpenGL. They are placed by hand unless `fast_reset=0` is given."""
    opened: list[StationTask] = []

    def make(**options: float) -> StationTask:
        try:
            task = pin_insertion.make({"fast_reset": 1.0, **options})
        except MissingProgram as missing:
            pytest.skip(str(missing))
        opened.append(task)
        return task

    yield make
    for task in opened:
        task.close()


@pytest.fixture(scope="session")
def station(open_station: Open) -> StationTask:
    """A real-like station (level 2)."""
    return open_station(level=2, station_seed=3)

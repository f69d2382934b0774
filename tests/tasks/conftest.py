"""Simulated stations, opened once each: building and rendering one takes seconds."""

from collections.abc import Callable, Iterator
from importlib import import_module

import pytest

from enpire.core.errors import MissingProgram
from enpire.environment.station_task import StationTask

Open = Callable[..., StationTask]


@pytest.fixture(scope="session")
def open_task() -> Iterator[Open]:
    """Opens a station of a task with options; skips without OpenGL. Placed by hand unless `fast_reset=0` is given."""
    opened: list[StationTask] = []

    def make(name: str, **options: float) -> StationTask:
        try:
            task = import_module(f"enpire.tasks.{name}").make({"fast_reset": 1.0, **options})
        except MissingProgram as missing:
            pytest.skip(str(missing))
        opened.append(task)
        return task

    yield make
    for task in opened:
        task.close()

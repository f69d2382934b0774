import fcntl
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from enpire.core.errors import MissingProgram
from enpire.core.files import write_durably
from enpire.environment.contract import Task
from enpire.environment.station_task import StationTask
from enpire.environment.virtual_environment import cache_root
from enpire.tasks import known_tasks, open_task, prepare

FAULTY = Path(__file__).with_name("faulty")
DECLARATION = f"""
requirements = [
  {str(FAULTY)!r}, "gymnasium==1.4.0", "numpy==2.4.6", "cloudpickle==3.1.2", "Farama-Notifications==0.0.6",
  "typing_extensions==4.16.0",
]
"""

OpenFaulty = Callable[..., Task]
OpenStation = Callable[..., StationTask]


@pytest.fixture(scope="session")
def environments() -> None:
    """Every virtual environment that the tests use, in the user's cache; one worker makes them, the others wait."""
    cache_root().mkdir(parents=True, exist_ok=True)
    with (cache_root() / "tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for task in known_tasks():
            if task.source == "shipped":
                prepare(task.name)
        path = cache_root() / "faulty.toml"
        write_durably(path, declare().encode())
        prepare("gym:faulty/Faulty-v0", declaration=path)


def declare(success: str = "info.is_success", progress: str = "info.score", more: str = "") -> str:
    return f"{DECLARATION}success = {success!r}\nprogress = {progress!r}\n{more}\n"


@pytest.fixture
def open_faulty(environments: None, tmp_path: Path) -> Iterator[OpenFaulty]:
    """Opens the user-written environment: keywords are its arguments and `success`, `progress`, `more`, `options`."""
    opened: list[Task] = []

    def open_one(
        success: str = "info.is_success",
        progress: str = "info.score",
        more: str = "",
        options: dict[str, float] | None = None,
        **arguments: str,
    ) -> Task:
        file = tmp_path / "declaration.toml"
        kwargs = ", ".join(f"{key} = {value!r}" for key, value in arguments.items())
        file.write_text(declare(success, progress, f"kwargs = {{ {kwargs} }}\n{more}"))
        opened.append(open_task("gym:faulty/Faulty-v0", options=options, declaration=file))
        return opened[-1]

    yield open_one
    for task in opened:
        task.close()


@pytest.fixture(scope="session")
def open_any_station() -> Iterator[OpenStation]:
    """Opens a station of a task with options, once each: building and rendering one takes seconds.

    Skips without OpenGL. Scenes are placed by hand unless `fast_reset=0` is given.
    """
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

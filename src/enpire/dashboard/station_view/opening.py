"""The station tasks by name, and one of them to look at."""

import inspect
from collections.abc import Mapping

from enpire.core import registry
from enpire.core.errors import BadInput, UnknownName
from enpire.environment.station_task import StationTask
from enpire.simulation.rendering import gl_missing
from enpire.tasks import open_task


def station_tasks() -> dict[str, str]:
    """First line of the description of each task of a station, by name. Nothing is started."""
    modules = {name: registry.load("task", name) for name in registry.names("task")}
    stations = {name: module for name, module in modules.items() if StationTask.__name__ in inspect.getsource(module)}
    return {name: (module.__doc__ or "").strip().partition("\n")[0] for name, module in stations.items()}


def open_station(name: str, options: Mapping[str, float]) -> StationTask:
    """The station of a task, at the pace of whoever steps it; with the tracker where pictures are impossible.

    Raises:
        UnknownName: There is no such task.
        BadInput: It is not played on a station, or an option cannot be used.
        MissingProgram: There is no OpenGL library, and `tracker=0` was asked for.
    """
    if "pace" in options:
        raise BadInput("the pace is chosen on the page; leave out --option pace")
    known = station_tasks()
    if name not in known and ":" not in name:
        raise UnknownName("station task", name, known)
    if gl_missing() and name in known:
        options = {"tracker": 1.0, **options}
    opened = open_task(name, options=options)
    inner = getattr(opened, "task", opened)
    if not isinstance(inner, StationTask):
        opened.close()
        raise BadInput(f"{name} is not played on a station; tasks that are: {', '.join(known)}")
    return inner

"""Labelled cases for verifier cards, laid by hand: the generators are those of each task's own benchmark.

A case is judged through the task as in an episode, and what is true comes from `sealed`, at the moment of the verdict.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from enpire.environment.station_task import StationTask

Truth = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case: kind, whether its failures count as hard, what the judge said, what was true, CPU of the look in ms."""

    kind: str
    hard: bool
    said: bool | None
    true: bool
    look_ms: float
    truth: Truth


class PushT:
    """`push_t` and `push_t_simple`: one judge with other tolerances; each task is measured by itself."""

    judge = (
        "tasks/_push_t/block.py",
        "tasks/_push_t/judge.py",
        "tasks/_push_t/sight.py",
        "tools/perception/edges.py",
        "tools/perception/fiducials.py",
        "tools/perception/hue.py",
        "tools/perception/outline_fit.py",
        "tools/perception/pinhole.py",
        "tools/perception/polygons.py",
        "tools/perception/silhouette.py",
        "tools/perception/t_outline.py",
        "tools/station.py",
    )
    """Not `hand.py` and `planner.py`: they give it the postures of rest and the progress, no success."""
    generator = "benchmarks.push_t.judge"
    easy = ("far",)
    per_station = 20

    def __init__(self, name: str) -> None:
        self.name = name
        self.judge = (*self.judge, f"tasks/{name}.py")

    def lay(self, task: StationTask, kind: str, random: np.random.Generator) -> tuple[bool | None, bool]:
        """Lay a case and have it judged: what the judge said, and what is true."""
        laid = import_module(self.generator)
        rules = task._scenario._rules
        pose = laid.drawn_pose(kind, (rules.tolerance_m, rules.tolerance_rad), random)
        return laid.judged(task, kind, pose, random)[:2]

    def close(self, truth: Truth, task: StationTask) -> bool:
        """Whether a failed episode came within two tolerances of success."""
        rules = task._scenario._rules
        return truth["distance_m"] < 2 * rules.tolerance_m and truth["yaw_error_rad"] < 2 * rules.tolerance_rad


class PinInsertion:
    """`pin_insertion`."""

    name = "pin_insertion"
    judge = ("tasks/_pin/judge.py", "tasks/_pin/objects.py", "tools/station.py")
    """Not `facts.py`: what the judge takes from it follows from `objects.py`; the rest is limits, tools and text."""
    generator = "benchmarks.pin_insertion.verifier"
    easy = ("lying on the table",)
    per_station = 10

    def lay(self, task: StationTask, kind: str, random: np.random.Generator) -> tuple[bool | None, bool]:
        """Lay a case and have it judged: what the judge said, and what is true."""
        laid = import_module(self.generator)
        task.reset(seed=int(random.integers(2**31)))
        return laid.judged(task, laid.case(task, kind, random))

    def close(self, truth: Truth, task: StationTask) -> bool:
        """Whether a failed episode left the pin in the hole's mouth, a few millimetres short or aside."""
        return truth["tip_above_floor_m"] < 0.008 and truth["aside_m"] < 0.006


def tasks() -> dict[str, PushT | PinInsertion]:
    """What is measured how, by task."""
    return {"pin_insertion": PinInsertion(), "push_t": PushT("push_t"), "push_t_simple": PushT("push_t_simple")}


def cases(measured: PushT | PinInsertion, n: int, seed: int, level: int) -> Iterator[Case]:
    """Cases on stations that are drawn anew every few cases. The same arguments give the same cases."""
    kinds = import_module(measured.generator).KINDS
    task: StationTask | None = None
    for number in range(n):
        if task is None or number % measured.per_station == 0:
            if task is not None:
                task.close()
            task = opened(measured, station=100_000 + 1000 * seed + number // measured.per_station, level=level)
        looks = _timed(task)
        kind = kinds[number % len(kinds)]
        said, true = measured.lay(task, kind, np.random.default_rng([seed, number]))
        yield Case(
            kind=kind,
            hard=kind not in measured.easy,
            said=said,
            true=true,
            look_ms=max(looks),
            truth=task.sealed(),
        )
    if task is not None:
        task.close()


def opened(measured: PushT | PinInsertion, *, station: int, level: int) -> StationTask:
    """The task on one station, its scenes laid by hand."""
    options = {"level": float(level), "station_seed": float(station), "fast_reset": 1.0}
    found: StationTask = import_module(f"enpire.tasks.{measured.name}").make(options)
    return found


def _timed(task: StationTask) -> list[float]:
    """CPU time of every call of the judge from now on, in ms; the longest one took and read a picture."""
    spent: list[float] = []
    judge = type(task._scenario).judge

    def timed(cell: object) -> object:
        begun = time.process_time()
        verdict = judge(task._scenario, cell)  # type: ignore[arg-type]
        spent.append(1000 * (time.process_time() - begun))
        return verdict

    task._scenario.judge = timed  # type: ignore[method-assign,assignment]
    return spent

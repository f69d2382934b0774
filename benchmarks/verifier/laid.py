"""Labelled cases for verifier cards, laid by hand.

A case is judged through the task as in an episode, and what is true comes from `sealed`, at the moment of the verdict.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

import numpy as np
from benchmarks.verifier.pin_insertion import PinInsertion
from benchmarks.verifier.push_t import PushT

from enpire.environment.station_task import StationTask

Truth = dict[str, float]
MOST_HOURS, MOST_EPISODES = 8.0, 800
"""A station is up to so old, as after a long campaign."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case: kind, whether its failures count as hard, what the judge said, what was true, CPU of the look in ms."""

    kind: str
    hard: bool
    said: bool | None
    true: bool
    look_ms: float
    truth: Truth


class Measured(Protocol):
    """How a task's judge is measured; one file per scene.

    Attributes:
        name: Of the task.
        judge: Files, relative to the package, that make the verdict: when one changes, the card is stale.
        kinds: Of cases, in the order they are laid.
        easy: Kinds whose failures nobody would take for successes.
        per_station: Cases on one station.
    """

    name: str
    judge: tuple[str, ...]
    kinds: tuple[str, ...]
    easy: tuple[str, ...]
    per_station: int

    def lay(self, task: StationTask, kind: str, random: np.random.Generator) -> tuple[bool | None, bool]:
        """Lay a case and have it judged: what the judge said, and what is true."""
        ...

    def close(self, truth: Truth, task: StationTask) -> bool:
        """Whether a failed episode came close to success: such failures count as hard."""
        ...


def tasks() -> dict[str, Measured]:
    """What is measured how, by task."""
    return {"pin_insertion": PinInsertion(), "push_t": PushT("push_t"), "push_t_simple": PushT("push_t_simple")}


def cases(measured: Measured, n: int, seed: int, level: int) -> Iterator[Case]:
    """Cases on stations that are drawn anew every few cases. The same arguments give the same cases."""
    task: StationTask | None = None
    for number in range(n):
        if task is None or number % measured.per_station == 0:
            if task is not None:
                task.close()
            task = opened(measured, station=100_000 + 1000 * seed + number // measured.per_station, level=level)
        looks = _timed(task)
        kind = measured.kinds[number % len(measured.kinds)]
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


def opened(measured: Measured, *, station: int, level: int) -> StationTask:
    """The task on one station of any age, its scenes laid by hand: campaigns play on stations that have drifted."""
    options = {"level": float(level), "station_seed": float(station), "fast_reset": 1.0}
    found: StationTask = import_module(f"enpire.tasks.{measured.name}").make(options)
    age = np.random.default_rng(station).uniform()
    episodes = round(MOST_EPISODES * age)
    found._life.live(3600 * MOST_HOURS * age, episodes=episodes, grasps=2 * episodes)
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

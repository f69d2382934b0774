"""Four controls: doing nothing and random actions fail, the oracle passes, and nobody passes the impossible variant."""

from collections.abc import Callable, Iterator
from itertools import repeat

import numpy as np

from enpire.core.records import Verdict
from enpire.environment.checker import random_action
from enpire.environment.station_task import StationTask
from enpire.tasks._push_t.oracle import oracle


def play(task: StationTask, seed: int, actions: Iterator[np.ndarray], steps: int) -> Verdict:
    for _, action in zip(range(steps), actions, strict=False):
        *_, terminated, _, _ = task.step(action)
        if task.verify().success or terminated:
            break
    return task.verify()


def all_knowing(task: StationTask, seed: int) -> Iterator[np.ndarray]:
    task.reset(seed=seed)
    rules = task._scenario._rules  # type: ignore[attr-defined]
    return oracle(
        task.setup.cell.arms["right"],
        lambda: task.setup.cell.state,
        task.sealed,
        (rules.tolerance_m, rules.tolerance_rad),
    )


def test_doing_nothing_fails(station: StationTask) -> None:
    observation, _ = station.reset(seed=11)
    assert not play(station, 11, repeat(observation["observation.state"]), 60).success


def test_random_actions_fail(station: StationTask) -> None:
    random = np.random.default_rng(5)
    station.reset(seed=12)
    actions = (random_action(station.spec.action, random) for _ in repeat(0))
    assert not play(station, 12, actions, 150).success


def test_the_oracle_passes(station: StationTask) -> None:
    verdict = play(station, 13, all_knowing(station, 13), station.spec.max_steps)
    assert verdict.success
    assert station.sealed()["success"] == 1.0
    assert verdict.progress > 0.95


def test_nobody_moves_a_block_that_is_screwed_to_the_table(open_station: Callable[..., StationTask]) -> None:
    task = open_station(fixed=1, level=2)
    verdict = play(task, 14, all_knowing(task, 14), 450)
    assert not verdict.success
    assert task.sealed()["success"] == 0.0
    assert verdict.progress < 0.2

"""Four controls: doing nothing and random actions fail, the best recipe passes, and nobody fills a plugged hole."""

from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest

from enpire.environment.checker import random_action
from enpire.environment.station_task import StationTask
from pin.played import BEST, assemble, forget, play

Open = Callable[..., StationTask]


@pytest.fixture(autouse=True)
def clean() -> object:
    yield
    forget()


def test_doing_nothing_fails(station: StationTask) -> None:
    observation, _ = station.reset(seed=11)
    for action, _ in zip(repeat(observation["observation.state"]), range(45), strict=False):
        station.step(action)
        assert not station.verify().success
    assert station.sealed()["success"] == 0.0


def test_random_actions_fail(station: StationTask) -> None:
    random = np.random.default_rng(5)
    station.reset(seed=12)
    for _ in range(90):
        *_, terminated, _, _ = station.step(random_action(station.spec.action, random))
        assert not station.verify().success
        if terminated:
            break
    assert station.sealed()["success"] == 0.0


def test_the_best_recipe_passes_on_an_ideal_station_and_fills_no_plugged_hole(
    open_station: Open, tmp_path: Path
) -> None:
    module = assemble(tmp_path, **BEST)
    ideal, plugged = open_station(level=0), open_station(level=0, plugged=1)
    observation, _ = ideal.reset(seed=13)
    verdict = play(ideal, module, observation, ideal.spec.max_steps)
    assert verdict.success
    assert verdict.progress == 1.0
    assert ideal.sealed()["success"] == 1.0
    observation, _ = plugged.reset(seed=13)
    assert not play(plugged, module, observation, 300).success
    assert plugged.sealed()["success"] == 0.0

"""The start policy of pin insertion and the blocks that can be put into it."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from enpire.core.records import to_builtins
from enpire.environment.station_task import StationTask
from enpire.evolution.workspace import parameters, recipe
from pin.played import BEST, FILES, LIBRARY, Tools, assemble, forget

SLOTS = recipe(FILES)


@pytest.fixture(autouse=True)
def clean() -> object:
    yield
    forget()


def fitting() -> dict[str, str]:
    """Slot by block, of all blocks for this task."""
    heads = {path.stem: tomllib.loads(path.read_text())["block"] for path in sorted(LIBRARY.glob("*.toml"))}
    return {name: head["slot"] for name, head in heads.items() if head["scene"] == "pin_insertion"}


class Watched(dict[str, float]):
    """Parameters that remember which of them were read."""

    def __init__(self, values: dict[str, float]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> float:
        self.read.add(key)
        return super().__getitem__(key)


def test_every_slot_is_filled_and_declared() -> None:
    assert set(SLOTS) == set(BEST) == set(fitting().values())
    assert all(entry.low <= entry.value <= entry.high for entry in parameters(FILES).values())


@pytest.mark.parametrize("recipe_of", [SLOTS, BEST], ids=["start", "best"])
def test_blocks_read_what_they_declare_and_move_the_arm(
    recipe_of: dict[str, str], station: StationTask, tmp_path: Path
) -> None:
    module: Any = assemble(tmp_path, **recipe_of)
    observation, _ = station.reset(seed=30)
    policy = module.Policy(to_builtins(station.spec), Tools(station))
    policy.parameters = {block: Watched(values) for block, values in policy.parameters.items()}
    policy.reset(observation, "")
    for values in policy.parameters.values():
        assert values.read == set(values)
    first = policy.select_action(observation)
    for _ in range(8):
        action = policy.select_action(observation)
        assert np.shape(action) == (14,)
        assert np.isfinite(action).all()
        observation, *_ = station.step(action)
    assert np.abs(action - first).max() > 1e-4


def test_a_seen_aim_knows_where_the_hole_is_from_the_pin(station: StationTask, tmp_path: Path) -> None:
    module: Any = assemble(tmp_path, **BEST)
    observation, _ = station.reset(seed=31)
    assert station.setup is not None
    for _ in range(12):
        observation, *_ = station.step(station.setup.drive.target)
    policy = module.Policy(to_builtins(station.spec), Tools(station))
    policy.hand.sense(observation)
    seen = policy.aim.seen_off(np.array(station.spec.scene["hole_m"][:2]))
    data = station.setup.world.data
    real = (data.geom("hole0").xpos - data.body("pin").xpos)[:2]
    assert seen == pytest.approx(real, abs=0.0015)
    assert np.linalg.norm(real) > 0.003

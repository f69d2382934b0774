"""The start policy of Push-T and the blocks that can be put into it."""

import importlib
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import enpire
from enpire.core.records import to_builtins
from enpire.environment.station_task import StationTask
from enpire.evolution.workspace import parameters, recipe, start_policy

LIBRARY = Path(enpire.__file__).parent / "policy_improvement" / "blocks"
FILES = start_policy("arm_push")
SLOTS = recipe(FILES)
CLASSES = {slot: name for name, slot in re.findall(r"import (\w+)  # slot: (\w+)", FILES["policy.py"].decode())}
OURS = ("policy", "geometry", "parameters", "pushing", "arm", "train", "blocks")


def heads() -> dict[str, dict[str, Any]]:
    return {path.stem: tomllib.loads(path.read_text()) for path in sorted(LIBRARY.glob("*.toml"))}


FITTING = {
    name: head["block"]["slot"]
    for name, head in heads().items()
    if head["block"]["scene"] in ("arm_push", "planar_push") and head["block"]["slot"] in SLOTS
}


class Tools:
    """The station's tools, as JSON."""

    def __init__(self, task: StationTask) -> None:
        self.task = task

    def call(self, name: str, **arguments: Any) -> Any:
        return self.task.call(name, json.loads(json.dumps(arguments, default=lambda value: value.tolist())))


class Watched(dict[str, float]):
    """Parameters that remember which of them were read."""

    def __init__(self, values: dict[str, float]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> float:
        self.read.add(key)
        return super().__getitem__(key)


@pytest.fixture
def assemble(tmp_path: Path) -> Iterator[Callable[..., ModuleType]]:
    """Writes the start policy with other blocks into a folder and imports its `policy`; forgets it afterwards."""

    def build(**swaps: str) -> ModuleType:
        text = FILES["policy.py"].decode()
        for slot, block in swaps.items():
            text = re.sub(rf"blocks\.\w+( import \w+  # slot: {slot}\n)", rf"blocks.{block}\1", text)
        written = FILES | {"policy.py": text.encode()}
        for block in recipe(written).values():
            written |= {f"blocks/{block}{end}": (LIBRARY / f"{block}{end}").read_bytes() for end in (".py", ".toml")}
        for path, content in written.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)
        sys.path.insert(0, str(tmp_path))
        importlib.invalidate_caches()
        return importlib.import_module("policy")

    before = list(sys.path)
    yield build
    sys.path[:] = before
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]


def started(module: ModuleType, task: StationTask, seed: int) -> tuple[Any, dict[str, np.ndarray]]:
    observation, _ = task.reset(seed=seed)
    policy = module.Policy(to_builtins(task.spec), Tools(task))
    policy.reset(observation, task.spec.instruction)
    return policy, observation


def test_every_slot_is_filled_and_declared() -> None:
    assert set(SLOTS) == set(CLASSES)
    assert all(entry.low <= entry.value <= entry.high for entry in parameters(FILES).values())


@pytest.mark.parametrize("block", sorted(FITTING))
def test_a_block_can_be_swapped_in_and_reads_what_it_declares(
    block: str, assemble: Callable[..., ModuleType], station: StationTask
) -> None:
    slot = FITTING[block]
    module = assemble(**{slot: block})
    policy, observation = started(module, station, 30)
    made = getattr(module, CLASSES[slot])
    policy.parameters = {known: Watched(values) for known, values in policy.parameters.items()}
    policy.reset(observation, "")
    for _ in range(12):
        action = policy.select_action(observation)
        assert np.shape(action) == (14,)
        assert np.isfinite(action).all()
        observation, *_ = station.step(action)
    assert policy.parameters[made].read == set(policy.parameters[made])


def test_the_arm_in_the_workspace_is_the_arm_of_the_station(
    assemble: Callable[..., ModuleType], station: StationTask
) -> None:
    policy, _ = started(assemble(), station, 31)
    random = np.random.default_rng(2)
    real = station.setup.cell.arms["right"]
    for q in random.uniform(real.low, real.high, (5, 6)):
        assert policy.arm.tool(q) / 1000 == pytest.approx(real.forward(q).translation(), abs=1e-5)
    point = np.array([330.0, -60.0, 30.0])
    pose = real.forward(policy.arm.posture(point))
    assert pose.translation() == pytest.approx(point / 1000, abs=2e-4)
    assert pose.rotation().as_matrix()[:, 2] == pytest.approx([0.0, 0.0, -1.0], abs=0.01)
    assert policy.arm.posture(np.array([900.0, 0.0, 30.0])) is None


def test_it_pushes_the_block_and_keeps_out_of_the_supervisors_way(
    assemble: Callable[..., ModuleType], station: StationTask
) -> None:
    policy, observation = started(assemble(), station, 32)
    before = station.sealed()
    for _ in range(240):
        observation, _, terminated, _, _ = station.step(policy.select_action(observation))
        assert not terminated
    after = station.sealed()
    assert abs(after["block_x_m"] - before["block_x_m"]) + abs(after["block_y_m"] - before["block_y_m"]) > 0.005


def test_marks_bring_the_eyes_to_within_a_millimetre(assemble: Callable[..., ModuleType], station: StationTask) -> None:
    policy, _ = started(assemble(eyes="marked_looks"), station, 33)
    look = policy.eyes.look(policy.arm)
    try:
        while True:
            station.step(next(look))
    except StopIteration as found:
        truth = station.sealed()
        assert found.value[:2] / 1000 == pytest.approx([truth["block_x_m"], truth["block_y_m"]], abs=0.001)


def test_a_learned_aim_finds_the_offset_of_the_pusher(
    assemble: Callable[..., ModuleType], station: StationTask
) -> None:
    policy, _ = started(assemble(aim="learned_aim", push_model="limit_surface"), station, 34)
    geometry, pushing = importlib.import_module("geometry"), importlib.import_module("pushing")
    real, goal = np.array([2.5, -2.0]), policy.scene.goal
    starts, inward = pushing.contact_starts(policy.scene, 30.0, 5.0)
    for start, direction in zip(geometry.to_world(goal, starts), geometry.rotate(inward, goal[2]), strict=True):
        (after,) = pushing.roll(
            policy.push_model, goal[None], (start + real)[None], direction[None], np.array([15.0]), 3.0
        )
        policy.aim.record(np.array([start, start + 15.0 * direction]), goal, after[0])
    assert np.linalg.norm(policy.aim.offset - real) < 0.5 * np.linalg.norm(real)


def test_a_yielding_finish_wants_much_at_first_and_less_with_every_look(
    assemble: Callable[..., ModuleType], station: StationTask
) -> None:
    policy, _ = started(assemble(finish="yielding_tolerance"), station, 35)
    scene = policy.scene
    at = scene.goal + np.array([0.65 * scene.tolerance_mm, 0.0, 0.0])
    looks = [policy.finish.done(at) for _ in range(8)]
    assert looks == sorted(looks)  # once near enough, always near enough
    assert (looks[0], looks[-1]) == (False, True)
    beyond = scene.goal + np.array([0.9 * scene.tolerance_mm, 0.0, 0.0])
    assert not any(policy.finish.done(beyond) for _ in range(50))

"""The start policy and the blocks for tasks with a vector observation: they load, answer, and fit any dimensions."""

import importlib
import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import enpire
from enpire.agents._workspace import Block, read_library, read_parameters, read_recipe, set_values, swap
from tests.evolution.start_policy import write_start_policy

SOURCE = Path(enpire.__file__).parent
LIBRARY = SOURCE / "policy_improvement" / "blocks"
TEMPLATE = SOURCE / "workspace_template" / "vector"
SLOTS = ("features", "controller", "output")
BLOCKS = [block for slot in SLOTS for block in read_library(LIBRARY, "vector")[slot]]
MODULES = ("policy", "interface", "parameters", "blocks", "train")


def task(inputs: int, actions: int, choices: int = 0, *, bounded: bool = True) -> dict[str, Any]:
    bounds = {"low": [-2.0] * inputs, "high": [4.0] * inputs} if bounded else {}
    high = [float(choices - 1)] * actions if choices else [3.0] * actions
    return {
        "observation": {
            "observation.state": {"shape": [inputs], "dtype": "float32", **bounds},
            "observation.images.top": {"shape": [4, 4, 3], "dtype": "uint8"},
        },
        "action": {
            "size": actions,
            "low": [0.0 if choices else -1.0] * actions,
            "high": high,
            "discrete": [choices] * actions,
        },
    }


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return write_start_policy("vector", tmp_path / "workspace")


@pytest.fixture(autouse=True)
def forget_modules() -> Iterator[None]:
    yield
    for name in [n for n in sys.modules if n.split(".")[0] in MODULES]:
        del sys.modules[name]


def load(workspace: Path, monkeypatch: pytest.MonkeyPatch, name: str = "policy") -> ModuleType:
    monkeypatch.syspath_prepend(workspace)
    for loaded in [n for n in sys.modules if n.split(".")[0] in MODULES]:
        del sys.modules[loaded]
    return importlib.import_module(name)


def observe(inputs: int, value: float) -> dict[str, np.ndarray]:
    return {"observation.state": np.full(inputs, value, np.float32), "observation.images.top": np.zeros((4, 4, 3))}


def fit(workspace: Path, described: dict[str, Any], data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (workspace / "task.json").write_text(json.dumps(described))
    assert load(workspace, monkeypatch, "train").main(data) == 0


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
@pytest.mark.parametrize("shape", [(1, 1, 0), (4, 1, 2), (3, 2, 0), (30, 5, 3)])
def test_every_block_answers_for_any_dimensions(
    workspace: Path, block: Block, shape: tuple[int, int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, actions, choices = shape
    described = task(inputs, actions, choices, bounded=inputs != 3)
    swap(workspace, LIBRARY, "controller", "linear_feedback")
    swap(workspace, LIBRARY, block.slot, block.name)
    fit(workspace, described, tmp_path, monkeypatch)
    held = read_parameters(workspace, read_recipe(workspace).values()).values()
    set_values(workspace, {p.name: p.from_unit(0.7) for p in held if p.searchable})
    policy = load(workspace, monkeypatch).Policy(described)
    trace = []
    for _ in range(2):
        policy.reset(observe(inputs, 0.0), "")
        trace.append([policy.select_action(observe(inputs, 0.3 * step)).copy() for step in range(8)])
    assert np.array_equal(trace[0], trace[1]), "an episode remembers the one before"
    answers = np.array(trace[0])
    assert answers.shape == (8, actions) and np.isfinite(answers).all()
    assert (answers >= described["action"]["low"]).all() and (answers <= described["action"]["high"]).all()
    if choices:
        assert np.array_equal(answers, np.rint(answers))


def test_start_policy_is_the_middle_action(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = load(workspace, monkeypatch).Policy(task(3, 2))
    policy.reset(observe(3, 1.0), "")
    assert np.allclose(policy.select_action(observe(3, 1.0)), 1.0)


def test_slot_has_an_alternative_and_no_foreign_slot(workspace: Path) -> None:
    assert tuple(read_recipe(workspace)) == SLOTS
    for slot in SLOTS:
        assert len(read_library(LIBRARY, "vector")[slot]) >= 2


@pytest.mark.parametrize("choices", [2, 3, 4])
def test_discrete_choices_share_the_range_evenly(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, choices: int
) -> None:
    actions = load(workspace, monkeypatch, "interface").Actions(task(1, 1, choices))
    grid = np.linspace(-1.5, 1.5, 3001)
    index = np.array([actions.scale(np.array([u]))[0] for u in grid])
    inside = np.abs(grid) < 1
    assert set(index) == set(range(choices)) and (np.diff(index) >= 0).all()
    assert np.allclose(np.bincount(index[inside].astype(int)) / inside.sum(), 1 / choices, atol=0.01)


def test_training_opens_the_weights_in_use_and_closes_the_rest(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap(workspace, LIBRARY, "controller", "linear_feedback")
    fit(workspace, task(6, 1), tmp_path, monkeypatch)
    held = read_parameters(workspace, ["linear_feedback"])
    opened = {name.partition(".")[2] for name, p in held.items() if p.searchable}
    assert opened == {"bias_0", *(f"weight_0_{n}" for n in range(6))}
    once = (workspace / "blocks" / "linear_feedback.toml").read_bytes()
    fit(workspace, task(6, 1), tmp_path, monkeypatch)
    assert (workspace / "blocks" / "linear_feedback.toml").read_bytes() == once


def test_training_finds_the_spread_of_unbounded_readings_once(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for scale, name in ((5.0, "a"), (500.0, "b")):
        states = np.linspace(-scale, scale, 101)[:, None].repeat(2, axis=1)
        arrays: dict[str, Any] = {"observation.state": states, "action": np.zeros((100, 1))}
        np.savez(data / f"{name}.npz", **arrays)
        fit(workspace, task(2, 1, bounded=False), data, monkeypatch)
        (data / f"{name}.npz").unlink()
    spread = read_parameters(workspace, ["readings"])["readings.spread_0"].value
    assert spread == pytest.approx(0.95 * 5.0, rel=0.05)


def test_bounded_readings_need_no_spread(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    features = load(workspace, monkeypatch).Policy(task(2, 1)).features
    assert np.allclose(features.read(observe(2, 4.0)), 1.0) and np.allclose(features.read(observe(2, 1.0)), 0.0)


def test_switch_keeps_its_side_within_the_dead_band(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swap(workspace, LIBRARY, "controller", "switch")
    set_values(workspace, {"switch.weight_0": 1.0, "switch.band": 0.1})
    load(workspace, monkeypatch)
    controller = importlib.import_module("blocks.switch").Controller(
        1, 1, {k: float(v["value"]) for k, v in parameters_of(workspace, "switch").items()}
    )
    answers = [float(controller.act(np.array([x]))[0]) for x in (0.5, 0.05, -0.05, -0.5, 0.05)]
    assert answers == [1.0, 1.0, 1.0, -1.0, -1.0]


def parameters_of(workspace: Path, block: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((workspace / "blocks" / f"{block}.toml").read_text())["parameters"]
    return found

"""Contracts of every planar-push block, geometry properties, and identification of known parameters."""

import importlib
import itertools
import json
import math
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evolution.start_policy import write_start_policy

import enpire

SOURCE = Path(enpire.__file__).parent
TEMPLATE = SOURCE / "workspace_template" / "planar_push"
LIBRARY = SOURCE / "policy_improvement" / "blocks"
SLOT_LINE = re.compile(r"^from blocks\.(\w+) import (\w+)  # slot: (\w+)$", re.MULTILINE)
CLASSES = {slot: name for _, name, slot in SLOT_LINE.findall((TEMPLATE / "policy.py").read_text())}
BASELINE = {slot: block for block, _, slot in SLOT_LINE.findall((TEMPLATE / "policy.py").read_text())}
GOOD = {
    "estimator": "model_filter",
    "pusher": "second_order",
    "push_model": "frictionless",
    "cost": "corner_cost",
    "lengths": "length_ladder",
    "planner": "greedy",
    "navigator": "outline_path",
}


def declaration(block: str) -> dict[str, Any]:
    return tomllib.loads((LIBRARY / f"{block}.toml").read_text())


BLOCKS = sorted(
    path.stem for path in LIBRARY.glob("*.toml") if declaration(path.stem)["block"]["scene"] in ("planar_push", "any")
)
PLANAR = [block for block in BLOCKS if declaration(block)["block"]["slot"] in CLASSES]


def task(polygons: list[Any], goal: list[float], radius: float, side: float) -> dict[str, Any]:
    names = ["agent_x_px", "agent_y_px", "block_x_px", "block_y_px", "block_yaw_rad"]
    return {
        "name": "planar",
        "observation": {"observation.state": {"shape": [5], "dtype": "float32", "names": names}},
        "action": {"size": 2, "low": [0.0, 0.0], "high": [side, side]},
        "period_s": 0.1,
        "scene": {
            "kind": "planar_push",
            "block_polygons_px": polygons,
            "goal_pose": goal,
            "pusher_radius_px": radius,
            "arena_px": [0.0, 0.0, side, side],
        },
    }


TASKS = {
    "tee": task(
        [[[-60, 0], [60, 0], [60, 30], [-60, 30]], [[-15, 30], [15, 30], [15, 120], [-15, 120]]],
        [256, 256, math.pi / 4],
        15,
        512,
    ),
    "rectangle": task([[[-30, -20], [30, -20], [30, 20], [-30, 20]]], [120, 90, -2.0], 8, 240),
    "ell": task([[[0, 0], [0.4, 0], [0.4, 0.1], [0.1, 0.1], [0.1, 0.3], [0, 0.3]]], [1.2, 0.6, 3.0], 0.05, 2.0),
}


@pytest.fixture
def assemble(tmp_path: Path) -> Iterator[Callable[..., ModuleType]]:
    """Puts a workspace together in a folder and imports its `policy`; forgets its modules afterwards."""

    def ours(name: str) -> bool:
        return name in ("policy", "geometry", "parameters", "pushing", "train") or name.split(".")[0] == "blocks"

    def build(**swaps: str) -> ModuleType:
        folder = write_start_policy("planar_push", tmp_path / "workspace")
        text = (folder / "policy.py").read_text()
        for slot, block in swaps.items():
            for suffix in (".py", ".toml"):
                shutil.copy(LIBRARY / f"{block}{suffix}", folder / "blocks")
            text = re.sub(rf"blocks\.\w+( import \w+  # slot: {slot}\n)", rf"blocks.{block}\1", text)
        (folder / "policy.py").write_text(text)
        sys.path.insert(0, str(folder))
        importlib.invalidate_caches()
        return importlib.import_module("policy")

    before = list(sys.path)
    yield build
    sys.path[:] = before
    for name in [name for name in sys.modules if ours(name)]:
        del sys.modules[name]


class Watched(dict[str, float]):
    """Parameters that remember which of them were read."""

    def __init__(self, values: dict[str, float]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> float:
        self.read.add(key)
        return super().__getitem__(key)


def readings(description: dict[str, Any], seed: int, steps: int) -> list[dict[str, Any]]:
    """A block that drifts and turns, and a pusher that wanders: nothing that physics would do."""
    rng = np.random.default_rng(seed)
    side = description["action"]["high"][0]
    state = np.array([*rng.uniform(0, side, 4), rng.uniform(0, 2 * math.pi)])
    found = []
    for _ in range(steps):
        found.append({"observation.state": state.astype(np.float32)})
        state = state + rng.normal(0, [0.05 * side, 0.05 * side, 0.01 * side, 0.01 * side, 0.1])
        state[:4] = np.clip(state[:4], 0, side)
        state[4] %= 2 * math.pi
    return found


def test_slot_lines_merge_and_name_existing_blocks() -> None:
    lines = (TEMPLATE / "policy.py").read_text().splitlines()
    places = [index for index, line in enumerate(lines) if "# slot:" in line]
    assert len(places) == len(CLASSES) >= 6
    assert all(later - earlier > 1 for earlier, later in itertools.pairwise(places))
    assert all(SLOT_LINE.match(lines[place]) for place in places)
    for slot, block in BASELINE.items():
        assert declaration(block)["block"]["slot"] == slot


@pytest.mark.parametrize("block", BLOCKS)
def test_declaration(block: str) -> None:
    found = declaration(block)
    assert set(found) <= {"block", "parameters"}
    assert {"slot", "summary", "scene"} <= set(found["block"]) <= {"slot", "summary", "scene", "requires"}
    assert found["block"]["summary"].strip()
    for entry in found.get("parameters", {}).values():
        assert set(entry) == {"value", "low", "high", "unit", "scale", "source"}
        assert entry["low"] < entry["high"] and entry["low"] <= entry["value"] <= entry["high"]
        assert entry["scale"] in ("linear", "log") and entry["source"] in ("search", "identified")
        assert entry["scale"] == "linear" or entry["low"] > 0
    assert len((LIBRARY / f"{block}.py").read_text().splitlines()) <= 200


@pytest.mark.parametrize("block", PLANAR)
def test_block_imports_no_other_block_and_names_its_class(block: str) -> None:
    text = (LIBRARY / f"{block}.py").read_text()
    found = declaration(block)["block"]
    assert re.search(rf"^class {CLASSES[found['slot']]}\b", text, re.MULTILINE)
    for imported in re.findall(r"^from blocks\.(\w+)", text, re.MULTILINE):
        assert imported in found.get("requires", [])


@pytest.mark.parametrize("block", PLANAR)
@pytest.mark.parametrize("base", ["baseline", "good"])
def test_policy_with_block_acts_in_the_box_and_forgets(
    block: str, base: str, assemble: Callable[..., ModuleType]
) -> None:
    swaps = {**(GOOD if base == "good" else {}), declaration(block)["block"]["slot"]: block}
    module = assemble(**swaps)
    for description in TASKS.values():
        policy = module.Policy(description)
        watched = {owner: Watched(values) for owner, values in policy.parameters.items()}
        policy.parameters = watched
        high = np.asarray(description["action"]["high"])
        runs = []
        for seed in (0, 1, 0):
            observations = readings(description, seed, 8)
            policy.reset(observations[0], "push")
            actions = np.array([policy.select_action(observation) for observation in observations])
            assert actions.shape == (8, 2) and np.isfinite(actions).all()
            assert (actions >= 0).all() and (actions <= high).all()
            runs.append(actions)
        np.testing.assert_array_equal(runs[0], runs[2])  # the run in between left no trace
        for owner, values in watched.items():
            assert values.read == set(values), f"{owner.__module__} declares parameters that it does not read"


@pytest.fixture(scope="module")
def geometry() -> Iterator[ModuleType]:
    folders = [str(TEMPLATE), str(TEMPLATE.parent / "_shared")]
    sys.path[:0] = folders
    yield importlib.import_module("geometry")
    for folder in folders:
        sys.path.remove(folder)
    for name in ("geometry", "plane"):
        sys.modules.pop(name, None)


coordinate = st.floats(-200, 200, allow_nan=False)
pose = st.tuples(coordinate, coordinate, st.floats(-7, 7, allow_nan=False)).map(np.array)
points = st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=8).map(lambda rows: np.array(rows, float))


@settings(deadline=None, max_examples=60)
@given(pose=pose, points=points)
def test_world_and_block_frame_are_inverse_and_rigid(
    geometry: ModuleType, pose: np.ndarray, points: np.ndarray
) -> None:
    world = geometry.to_world(pose, points)
    np.testing.assert_allclose(geometry.to_block(pose, world), points, atol=1e-9)
    np.testing.assert_allclose(
        np.linalg.norm(world - world[:1], axis=1), np.linalg.norm(points - points[:1], axis=1), atol=1e-9
    )


@settings(deadline=None, max_examples=60)
@given(points=points)
@pytest.mark.parametrize("name", list(TASKS))
def test_signed_distance_to_the_outline(geometry: ModuleType, name: str, points: np.ndarray) -> None:
    scene = geometry.read_scene(TASKS[name])
    points = points * scene.block_radius / 100
    for polygon in scene.polygons:
        distance, normal = geometry.signed_distance(points, polygon)
        np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1.0, atol=1e-9)
        onto = points - distance[:, None] * normal  # the foot point lies on the outline
        assert np.all(np.abs(geometry.signed_distance(onto, polygon)[0]) < 1e-6 * scene.block_radius)
        dense = np.concatenate(
            [
                a + np.linspace(0, 1, 200)[:, None] * (b - a)
                for a, b in zip(polygon, np.roll(polygon, -1, 0), strict=True)
            ]
        )
        brute = np.linalg.norm(points[:, None] - dense, axis=-1).min(axis=1)
        np.testing.assert_allclose(np.abs(distance), brute, atol=0.02 * scene.block_radius)
        turned = geometry.signed_distance(points, polygon[::-1])[0]
        np.testing.assert_allclose(turned, distance, atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(pose=pose, points=points)
def test_clearance_does_not_depend_on_where_the_block_is(
    geometry: ModuleType, pose: np.ndarray, points: np.ndarray
) -> None:
    scene = geometry.read_scene(TASKS["tee"])
    moved = scene.clearance(geometry.to_world(pose, points), pose)
    np.testing.assert_allclose(moved, scene.clearance(points, np.zeros(3)), atol=1e-8)


def test_stated_walls_and_weight_are_used(geometry: ModuleType) -> None:
    stated = {"wall_center_px": [5, 5, 506, 506], "wall_radius_px": 2, "block_center_of_gravity_px": [0, 45]}
    scene = geometry.read_scene({**TASKS["tee"], "scene": {**TASKS["tee"]["scene"], **stated}})
    np.testing.assert_allclose(scene.arena, [7, 7, 504, 504])
    np.testing.assert_allclose(scene.weight_centre, [0, 45])
    plain = geometry.read_scene(TASKS["tee"])
    np.testing.assert_allclose(plain.weight_centre, plain.centroid)


def test_area_moments_of_a_rectangle(geometry: ModuleType) -> None:
    area, centroid, gyration = geometry.area_moments((np.array([[1.0, 2], [1, 6], [4, 6], [4, 2]]),))
    assert area == pytest.approx(12)
    np.testing.assert_allclose(centroid, [2.5, 4])
    assert gyration == pytest.approx(math.sqrt((3**2 + 4**2) / 12))


@pytest.mark.parametrize("model", [block for block in PLANAR if declaration(block)["block"]["slot"] == "push_model"])
def test_push_models_undo_overlap_and_leave_a_free_block_alone(model: str, assemble: Callable[..., ModuleType]) -> None:
    module = assemble(push_model=model)
    policy = module.Policy(TASKS["tee"])
    scene, rng = policy.scene, np.random.default_rng(0)
    angle = rng.uniform(0, 2 * math.pi, 64)
    heading = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    pushers = np.array([256.0, 256.0]) - 140.0 * heading
    blocks = np.tile([256.0, 256.0, 0.4], (64, 1))
    np.testing.assert_array_equal(policy.push_model.advance(blocks, pushers, heading), blocks)
    for _ in range(60):
        pushers = pushers + 2.0 * heading
        blocks = policy.push_model.advance(blocks, pushers, 2.0 * heading)
    assert np.isfinite(blocks).all()
    assert scene.clearance(pushers, blocks).min() > 0.8 * scene.pusher_radius


TRUTH = {"stiffness": 80.0, "damping": 17.0, "spin_radius": 1.4, "centre_x": 0.05, "centre_y": -0.1}


def log_episodes(module: ModuleType, folder: Path, noise: np.ndarray, delay: int) -> None:
    """Episodes of the policy itself in a world made of its own models, with other parameters than it believes."""
    description = TASKS["tee"]
    policy = module.Policy(description)
    pusher = module.Pusher(policy.scene, {**policy.parameters[module.Pusher], **TRUTH})
    model = module.PushModel(policy.scene, {**policy.parameters[module.PushModel], **TRUTH})
    for seed in range(6):
        rng = np.random.default_rng(seed)
        position, velocity = rng.uniform(60, 120, 2), np.zeros(2)
        block = np.array([[*rng.uniform(200, 320, 2), rng.uniform(-3, 3)]])
        truth, seen, commands = [], [], []
        policy.reset({}, "push")
        for _ in range(40):
            truth.append(np.array([*position, *block[0]]))
            reading = truth[max(0, len(truth) - 1 - delay)] + rng.normal(0, 1, 5) * noise
            reading[4] %= 2 * math.pi
            seen.append(reading)
            commands.append(policy.select_action({"observation.state": reading}))
            centres, velocity = pusher.predict(position, velocity, commands[-1])
            for centre in centres:
                block = model.advance(block, centre[None], (centre - position)[None])
                position = centre
        np.savez(folder / f"{seed}.npz", **{"observation.state": np.array(seen), "action": np.array(commands)})


@pytest.mark.parametrize(
    ("noise_px", "noise_rad", "delay", "tolerance"), [(0.0, 0.0, 0, 0.02), (0.0, 0.0, 1, 0.03), (2.0, 0.02, 1, 0.15)]
)
def test_train_recovers_what_made_the_data(
    noise_px: float,
    noise_rad: float,
    delay: int,
    tolerance: float,
    assemble: Callable[..., ModuleType],
    tmp_path: Path,
) -> None:
    module = assemble(**GOOD)
    data = tmp_path / "data"
    data.mkdir()
    log_episodes(module, data, np.array([noise_px] * 4 + [noise_rad]), delay)
    (data / "task.json").write_text(json.dumps(TASKS["tee"]))
    train = importlib.import_module("train")
    assert train.main(data) == 0
    found = {**train.parameters.values(module.Pusher), **train.parameters.values(module.PushModel)}
    for name in ("stiffness", "damping", "spin_radius"):
        assert found[name] == pytest.approx(TRUTH[name], rel=tolerance)
    for name in ("centre_x", "centre_y"):
        assert found[name] == pytest.approx(TRUTH[name], abs=tolerance / 2)
    sensor = train.parameters.values(module.Estimator)
    assert sensor["delay"] == delay
    assert sensor["position_noise"] * 15 == pytest.approx(noise_px, rel=0.2, abs=0.05)
    assert sensor["yaw_noise"] == pytest.approx(noise_rad, rel=0.4, abs=0.002)


def test_train_leaves_the_baseline_alone(
    assemble: Callable[..., ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = assemble()
    (tmp_path / "workspace" / "task.json").write_text(json.dumps(TASKS["tee"]))
    before = {path.name: path.read_text() for path in (tmp_path / "workspace" / "blocks").glob("*.toml")}
    log_dir = tmp_path / "data"
    log_dir.mkdir()
    steps = np.zeros((30, 5))
    np.savez(log_dir / "0.npz", **{"observation.state": steps, "action": steps[:, :2]})
    train = importlib.import_module("train")
    assert module is train.policy
    assert train.main(log_dir) == 0
    assert "nothing to identify" in capsys.readouterr().out
    assert before == {path.name: path.read_text() for path in (tmp_path / "workspace" / "blocks").glob("*.toml")}

"""Each clamp is taken away in turn; some promise must then be broken."""

import ast
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from enpire.environment.safety import clearance, free_space, gate, joint, watch
from enpire.environment.safety.gate import Gate
from enpire.environment.safety.limits import SafetyLimits
from tests.environment.safety.properties import PROMISES
from tests.environment.safety.stand import ARMS, model
from tests.environment.safety.test_watch import SCENES

MARK = "# clamp: "
SEEDS = range(3)


def clamps(module: ModuleType) -> list[tuple[str, int]]:
    """Names and lines of the clamps of a module."""
    lines = Path(str(module.__file__)).read_text().splitlines()
    return [(line.split(MARK)[1], i) for i, line in enumerate(lines, 1) if MARK in line]


def without(module: ModuleType, line: int, name: str) -> ModuleType:
    """The module with the innermost statement that has this line in its head replaced by nothing."""
    tree = ast.parse(Path(str(module.__file__)).read_text())
    parents = [(node, field) for node in ast.walk(tree) for field in ("body", "orelse") if hasattr(node, field)]
    blocks = [getattr(node, field) for node, field in parents if isinstance(getattr(node, field), list)]
    found = [(block, i) for block in blocks for i, s in enumerate(block) if s.lineno <= line <= head(s)]
    block, i = max(found, key=lambda place: place[0][place[1]].lineno)
    block[i] = ast.copy_location(ast.Pass(), block[i])
    mutant = ModuleType(name)
    mutant.__dict__["__file__"] = module.__file__
    sys.modules[name] = mutant
    exec(compile(ast.fix_missing_locations(tree), name, "exec"), mutant.__dict__)
    return mutant


def head(statement: ast.stmt) -> int:
    """Last line before the body of a statement, or of the whole if it has none."""
    body = getattr(statement, "body", None)
    return body[0].lineno - 1 if body else int(statement.end_lineno or statement.lineno)


def gate_without(module: ModuleType, line: int) -> type[Gate]:
    """The gate with one clamp less, in the gate itself or in its parts."""
    mutant = without(module, line, "enpire_mutant")
    if module is clearance:

        class Nearer(Gate):
            def __init__(self, limits: SafetyLimits, _: clearance.Clearance, tick_s: float) -> None:
                super().__init__(limits, mutant.Clearance(model(), ARMS, limits), tick_s)

        return Nearer
    if module is free_space:

        class Laxer(Gate):
            def __init__(self, limits: SafetyLimits, known: clearance.Clearance, tick_s: float) -> None:
                super().__init__(limits, known, tick_s)
                self._space = mutant.FreeSpace(known)

        return Laxer
    if module is gate:
        return mutant.Gate  # type: ignore[no-any-return]
    sys.modules[joint.__name__] = mutant
    try:
        fresh = importlib.util.module_from_spec(importlib.util.find_spec(gate.__name__))  # type: ignore[arg-type]
        fresh.__spec__.loader.exec_module(fresh)  # type: ignore[union-attr]
    finally:
        sys.modules[joint.__name__] = joint
    return fresh.Gate  # type: ignore[no-any-return]


def broken_promises(kind: type[Gate]) -> list[str]:
    return [p.__name__ for p in PROMISES if any(breaks(p, kind, seed) for seed in SEEDS)]


def breaks(promise: Callable[[type[Gate], int], None], kind: type[Gate], seed: int) -> bool:
    try:
        promise(kind, seed)
    except AssertionError:
        return True
    return False


GATE_CLAMPS = [(module, name, line) for module in (gate, joint, clearance, free_space) for name, line in clamps(module)]


def test_all_clamps_are_known() -> None:
    assert [name for _, name, _ in GATE_CLAMPS] == [
        "clock", "finite", "missing", "limits", "gripper force", "geometry",
        "velocity", "acceleration", "jerk", "landing", "stopping distance",
        "own links", "workspace", "table", "distance", "recovery",
    ]  # fmt: skip
    assert len(clamps(watch)) == 13


def test_the_whole_gate_keeps_every_promise() -> None:
    assert broken_promises(Gate) == []


@pytest.mark.parametrize(("module", "name", "line"), GATE_CLAMPS, ids=[name for _, name, _ in GATE_CLAMPS])
def test_a_gate_without_this_clamp_breaks_a_promise(module: ModuleType, name: str, line: int) -> None:
    kind = gate_without(module, line)
    assert kind is not Gate
    assert any(breaks(p, kind, seed) for seed in SEEDS for p in PROMISES), f"nothing noticed that {name!r} was gone"


@pytest.mark.parametrize(("name", "line"), clamps(watch), ids=[name for name, _ in clamps(watch)])
def test_a_watch_without_this_check_is_noticed(name: str, line: int) -> None:
    mutant = without(watch, line, "enpire_mutant")
    failed = []
    for scene in SCENES:
        try:
            scene(mutant.Watch)
        except (AssertionError, ValueError):
            failed.append(scene.__name__)
    assert failed, f"nothing noticed that {name!r} was gone"
    for scene in SCENES:
        scene(watch.Watch)

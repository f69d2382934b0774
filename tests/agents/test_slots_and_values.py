"""Slots, blocks and declared values as the researcher edits them."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import enpire
from enpire.agents._workspace import (
    Parameter,
    read_block,
    read_library,
    read_parameters,
    read_recipe,
    replace_files,
    set_values,
    swap,
    train,
)
from enpire.core.errors import BadInput

TOML = """[block]
slot = "filter"  # where
summary = "Keeps noise out."
scene = "any"

[parameters.gain]   # comment
value = 0.5  # kept
low = 0.1
high = 1.0
unit = "1"
scale = "log"
source = "search"

[parameters.delay]
value = 1.0
low = 0.0
high = 3.0
unit = "periods"
scale = "linear"
source = "identified"
"""
POLICY = """from blocks.raw import Filter  # slot: filter
from blocks.raw_cost import Cost  # slot: cost
from blocks.raw import Filter as Other
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    (folder / "blocks").mkdir(parents=True)
    (folder / "policy.py").write_text(POLICY)
    for name in ("raw", "raw_cost"):
        (folder / "blocks" / f"{name}.toml").write_text(TOML)
        (folder / "blocks" / f"{name}.py").write_text("")
    return folder


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    for name, scene in (("smooth", "any"), ("planar", "planar_push"), ("vector_only", "vector")):
        (folder / f"{name}.toml").write_text(TOML.replace('"any"', f'"{scene}"'))
        (folder / f"{name}.py").write_text(f"# {name}\n")
    return folder


def test_declaration_is_read_whole() -> None:
    for path in (Path(enpire.__file__).parent / "policy_improvement" / "blocks").glob("*.toml"):
        block = read_block(path)
        assert block.slot and block.summary and all(p.low <= p.value <= p.high for p in block.parameters.values())


def test_library_is_filtered_by_scene(library: Path) -> None:
    assert [b.name for b in read_library(library, "vector")["filter"]] == ["smooth", "vector_only"]
    assert [b.name for b in read_library(library, "planar_push")["filter"]] == ["planar", "smooth"]


def test_swap_touches_one_line(workspace: Path, library: Path) -> None:
    swap(workspace, library, "filter", "smooth")
    assert read_recipe(workspace) == {"filter": "smooth", "cost": "raw_cost"}
    assert (workspace / "policy.py").read_text() == POLICY.replace("raw import Filter  #", "smooth import Filter  #")
    assert (workspace / "blocks" / "smooth.py").read_text() == "# smooth\n"


def test_unknown_slot_is_named_with_the_known_ones(workspace: Path, library: Path) -> None:
    with pytest.raises(BadInput, match="filter, cost"):
        swap(workspace, library, "brain", "smooth")


def test_values_change_and_nothing_else_does(workspace: Path) -> None:
    set_values(workspace, {"raw.gain": 0.25})
    changed = (workspace / "blocks" / "raw.toml").read_text()
    assert changed == TOML.replace("value = 0.5  # kept", "value = 0.25  # kept")
    assert read_parameters(workspace, ["raw"])["raw.gain"].value == 0.25
    with pytest.raises(BadInput, match=r"raw.toml does not declare size"):
        set_values(workspace, {"raw.size": 1.0})


def test_every_library_value_can_be_written(tmp_path: Path) -> None:
    source = Path(enpire.__file__).parent / "policy_improvement" / "blocks"
    (tmp_path / "blocks").mkdir()
    for path in source.glob("*.toml"):
        (tmp_path / "blocks" / path.name).write_bytes(path.read_bytes())
        wanted = {name: p.from_unit(0.3) for name, p in read_block(path).parameters.items()}
        set_values(tmp_path, wanted)
        held = read_parameters(tmp_path, [path.stem])
        assert {name: p.value for name, p in held.items()} == wanted
        before, after = (tomllib.loads(p.read_text()) for p in (path, tmp_path / "blocks" / path.name))
        assert before["block"] == after["block"] and before.get("parameters", {}).keys() == held_names(after)


def held_names(table: dict[str, dict[str, object]]) -> object:
    return table.get("parameters", {}).keys()


@given(
    low=st.floats(1e-3, 1e3), ratio=st.floats(1.01, 1e4), log=st.booleans(), at=st.floats(0, 1), beyond=st.floats(-9, 9)
)
def test_unit_scale_is_a_round_trip_within_bounds(
    low: float, ratio: float, log: bool, at: float, beyond: float
) -> None:
    p = Parameter(name="a.b", value=low, low=low, high=low * ratio, log=log, searchable=True)
    assert low <= p.from_unit(beyond) <= low * ratio
    assert 0.0 <= p.to_unit(low * beyond) <= 1.0
    assert p.from_unit(p.to_unit(p.from_unit(at))) == pytest.approx(p.from_unit(at), rel=1e-4)


@pytest.mark.parametrize("text", ["", "[block]\n", "[block", TOML.replace("low = 0.1", "low = 2.0"), "\x00"])
def test_broken_declaration_is_bad_input(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(BadInput, match=r"x.toml"):
        read_block(tmp_path / "x.toml")


def test_replaced_files_are_exactly_the_candidates_and_writable(workspace: Path, tmp_path: Path) -> None:
    candidate = tmp_path / "candidate"
    (candidate / "blocks").mkdir(parents=True)
    (candidate / "blocks" / "a.py").write_text("x = 1\n")
    (candidate / "policy.py").write_text("")
    for path in (candidate / "blocks" / "a.py", candidate / "policy.py"):
        path.chmod(0o444)
    replace_files(workspace, candidate)
    assert sorted(str(p.relative_to(workspace)) for p in workspace.rglob("*")) == ["blocks", "blocks/a.py", "policy.py"]
    assert (workspace / "blocks" / "a.py").stat().st_mode & 0o200


@pytest.mark.parametrize(
    ("code", "outcome"), [("", "done"), ("raise SystemExit(1)", "failed"), ("while True: pass", "failed")]
)
def test_training_is_bounded(workspace: Path, tmp_path: Path, code: str, outcome: str) -> None:
    assert train(workspace, tmp_path) == "failed"
    (workspace / "train.py").write_text(code)
    assert train(workspace, tmp_path, limit_s=1.0) == outcome

"""Slots, declared parameters and identity of a workspace."""

import json
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.core.errors import BadInput, UnknownName
from enpire.core.records import TaskSpec, decode
from enpire.evolution import workspace
from enpire.evolution.hub import Hub
from enpire.evolution.workspace import Files

comments = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20)


def test_recipe_and_parameters_are_those_of_the_slots(small: Files) -> None:
    assert workspace.recipe(small) == {"estimator": "raw", "navigator": "ring_detour"}
    found = workspace.parameters(small)
    assert list(found) == ["raw.gain", "raw.steps", "ring_detour.gain", "ring_detour.steps"]
    assert found["ring_detour.gain"] == workspace.Parameter(value=0.5, low=0.0, high=2.0, unit="px")
    assert found["raw.steps"].scale == "log" and found["raw.steps"].source == "identified"


def test_parameters_without_blocks() -> None:
    files = {"policy.py": b"class Policy: ...\n", "parameters.toml": b"[parameters.gain]\nvalue=1\nlow=0\nhigh=2\n"}
    assert workspace.recipe(files) == {} and list(workspace.parameters(files)) == ["gain"]
    assert (
        workspace.with_values(files, {"gain": 2})["parameters.toml"] == b"[parameters.gain]\nvalue=2\nlow=0\nhigh=2\n"
    )


@settings(deadline=None, max_examples=100)
@given(
    value=st.floats(0.0, 2.0),
    comment=comments,
    newline=st.sampled_from(["\n", "\r\n"]),
    padding=st.sampled_from(["", " ", "\t "]),
)
def test_with_values_changes_one_number_and_nothing_else(
    value: float, comment: str, newline: str, padding: str
) -> None:
    lines = [
        f"# {comment}", 'note = "value = 1"', "", "[parameters.other]", "value = 0.5", "low = 0", "high = 1",
        f"[ parameters . gain ]  # {comment}", "low = 0.0", f"{padding}value{padding}={padding}0.5 # {comment}",
        "high = 2.0",
    ]  # fmt: skip
    files = {"policy.py": b"", "parameters.toml": newline.join(lines).encode()}
    edited = workspace.with_values(files, {"gain": value})["parameters.toml"].decode()
    assert tomllib.loads(edited)["parameters"]["gain"]["value"] == value
    before, after = newline.join(lines).split(newline), edited.split(newline)
    assert [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b] == ([] if value == 0.5 else [9])
    assert after[9].replace(after[9].split("=")[1].split("#")[0].strip(), "0.5", 1) == before[9]


def test_integers_stay_integers(small: Files) -> None:
    edited = workspace.with_values(small, {"raw.steps": 7.0})["blocks/raw.toml"].decode()
    assert "value = 7\n" in edited
    assert "value = 2.5\n" in workspace.with_values(small, {"raw.steps": 2.5})["blocks/raw.toml"].decode()


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ({"raw.gian": 1.0}, "raw.gain, raw.steps"),
        ({"dormant.gain": 1.0}, "unknown parameter 'dormant.gain'"),
        ({"raw.gain": 2.1}, "[0.0, 2.0]"),
        ({"raw.gain": float("nan")}, "raw.gain = nan"),
        ({"raw.gain": float("inf")}, "[0.0, 2.0]"),
    ],
)
def test_with_values_names_what_is_wrong_and_what_is_right(small: Files, point: dict[str, float], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        workspace.with_values(small, point)
    assert said in str(caught.value)


def test_a_value_that_only_looks_like_a_table_is_refused(small: Files) -> None:
    small["parameters.toml"] = b"parameters.x = {value = 1, low = 0, high = 2}\n"
    with pytest.raises(BadInput, match=r"\[parameters\.x\]"):
        workspace.with_values(small, {"x": 2})
    small["parameters.toml"] = (
        b'note = """\n[parameters.x]\nvalue = 1\n"""\n[parameters.x]\nvalue = 1\nlow = 0\nhigh = 2\n'
    )
    with pytest.raises(BadInput, match="as a table"):
        workspace.with_values(small, {"x": 2})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("value = 3.0\nlow = 0.0\nhigh = 2.0", "outside its own range"),
        ("value = nan\nlow = 0.0\nhigh = 2.0", "finite"),
        ("value = true\nlow = 0\nhigh = 1", "finite number"),
        ("value = 1\nhigh = 2", "low must be"),
        ("value = 1\nlow = 0\nhigh = 2\nscale = 'log'", "log needs low > 0"),
        ("value = 1\nlow = 0\nhigh = 2\nscale = 'cubic'", "linear or log"),
        ("value = 1\nlow = 0\nhigh = 2\nsource = 'guess'", "search or identified"),
        ("value = 1\nlow = 0\nhigh = 2\nunit = 3", "unit"),
        ("value = 1" + "0" * 5000 + "\nlow = 0\nhigh = 2", "parameters.toml"),
        ("value = ", "not valid TOML"),
    ],
)
def test_bad_declarations_are_named(line: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        workspace.parameters({"parameters.toml": f"[parameters.x]\n{line}\n".encode()})
    assert said in str(caught.value) and "parameters.toml" in str(caught.value)


def test_missing_declaration_and_doubled_slot(small: Files) -> None:
    del small["blocks/raw.toml"]
    with pytest.raises(BadInput, match=r"blocks/raw\.toml is missing"):
        workspace.parameters(small)
    small["policy.py"] += b"from blocks.dormant import Navigator  # slot: navigator\n"
    with pytest.raises(BadInput, match="twice"):
        workspace.recipe(small)


paths = st.lists(st.sampled_from(["a", "b", "a.b", "a-b", "ab", "é"]), min_size=1, max_size=3).map("/".join)


@settings(deadline=None, max_examples=20)
@given(st.dictionaries(paths, st.binary(max_size=40), max_size=8))
def test_tree_id_is_gits_tree_id(tmp_path_factory: pytest.TempPathFactory, files: Files) -> None:
    try:
        workspace.check_files(files)
    except BadInput:
        return  # a name used as file and folder
    folder = tmp_path_factory.getbasetemp() / "tree-ids.git"
    hub = Hub(folder) if folder.exists() else Hub.create(folder)
    assert hub.tree(hub.commit(files, parents=[], message="x", branch=None)) == workspace.tree_id(files)


def test_template_is_the_baseline_and_the_task(spec: TaskSpec) -> None:
    files = workspace.template(spec)
    assert "policy.py" in files and "manifest" not in json.loads(files["task.json"])
    assert decode(files["task.json"], TaskSpec).name == spec.name


@pytest.mark.parametrize(
    ("baseline", "brought"),
    [
        ("planar_push", {"geometry.py", "parameters.py", "plane.py", "pushing.py"}),
        ("arm_push", {"arm.py", "geometry.py", "parameters.py", "plane.py", "pushing.py"}),
        ("vector", {"interface.py", "parameters.py"}),
        ("pin_insertion", {"hand.py", "parameters.py"}),
    ],
)
def test_a_start_policy_brings_what_it_imports_and_no_more(baseline: str, brought: set[str]) -> None:
    files = workspace.start_policy(baseline)
    assert {name for name in files if "/" not in name} == brought | {"policy.py", "program.md", "train.py"}


def test_template_lists_what_exists(spec: TaskSpec) -> None:
    for name in ("plannar_push", "../evolution", ""):
        wrong = TaskSpec(
            name="t", instruction="", observation={}, action=spec.action, period_s=0.1, max_steps=1, baseline=name
        )
        with pytest.raises(UnknownName, match="planar_push"):
            workspace.template(wrong)

"""What is refused at the door, and what the agent is told."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from enpire.core.records import Proposal, TaskSpec
from enpire.evolution import workspace
from enpire.evolution.admission import Refused, admit
from enpire.evolution.workspace import Files

GOOD = Proposal(hypothesis="a wider ring loses the block less often", variants=({}, {"raw.gain": 1.0}))
Door = Callable[..., None]


@pytest.fixture
def door(spec: TaskSpec, small: Files) -> Door:
    def knock(files: Files | None = None, *, seen: dict[str, str] | None = None, **changes: object) -> None:
        proposal = dataclasses.replace(GOOD, **changes)  # type: ignore[arg-type]
        admit(small if files is None else files, proposal, seen=seen or {}, ideas={"0000", "0001"}, spec=spec)

    return knock


def test_a_good_proposal_is_let_in(door: Door, small: Files, spec: TaskSpec) -> None:
    door()
    door(parent="0000", inspired_by=("0001",), adopt=("0001",))
    door({"policy.py": b"class Policy: ...\n"}, variants=({},))
    template = workspace.template(spec)
    admit(template, dataclasses.replace(GOOD, variants=({},)), seen={}, ideas={"0000"}, spec=spec)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hypothesis": " \n"}, "hypothesis is empty"),
        ({"hypothesis": "x" * 501}, "501 characters"),
        ({"kind": ""}, "kind must"),
        ({"predicted_effect": float("nan")}, "predicted_effect"),
        ({"predicted_effect": 2.0}, r"\[-1, 1\]"),
        ({"parent": "0042"}, "parent names idea '0042'.*latest is 0001"),
        ({"inspired_by": ("../x",)}, "inspired_by names"),
        ({"adopt": ("0009",)}, "adopt names"),
        ({"revert": ("0001", "0001")}, "each once"),
        ({"adopt": ("0001",), "revert": ("0001",)}, "both adopted and reverted"),
        ({"variants": ()}, "0 variants"),
        ({"variants": tuple({"raw.gain": k / 10} for k in range(9))}, "9 variants"),
        ({"variants": ({"raw.gian": 1.0},)}, "declared by this workspace: raw.gain"),
        ({"variants": ({"raw.gain": 3.0},)}, r"outside its declared range \[0.0, 2.0\]"),
        ({"variants": ({}, {"raw.gain": 0.5})}, "variants 1 and 2 are the same"),
    ],
)
def test_refusals(door: Door, changes: dict[str, object], said: str) -> None:
    with pytest.raises(Refused, match=said) as caught:
        door(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("policy.py", None, "policy.py is missing"),
        ("policy.py", b"def f(:\n", "policy.py line 1 does not compile"),
        ("policy.py", b"def Policy(): ...\n", "no class Policy"),
        ("policy.py", b"if True:\n    class Policy: ...\n", "no class Policy"),
        ("train.py", b"\xff\xfe", "train.py is not UTF-8"),
        ("blocks/dormant.py", b"x = = 1\n", "blocks/dormant.py line 1"),
        ("train.py", b"x = 1\0\n", "train.py"),
        ("deep.py", b"x = " + b"(" * 100_000 + b")" * 100_000, "deep.py|deeply nested"),
        ("deep.py", b"x = " + b"-" * 200_000 + b"1", "deep.py|deeply nested"),
        ("deep.py", b"x = a" + b".a" * 100_000, "deep.py|deeply nested"),
        ("blocks/raw.py", None, "blocks/raw.py is missing"),
        ("blocks/raw.toml", None, "blocks/raw.toml is missing"),
        ("blocks/raw.toml", b"[parameters.gain]\nvalue = 3\nlow = 0\nhigh = 2\n", "outside its own range"),
        ("blocks/raw.toml", b"[parameters.gain]\nvalue = inf\nlow = 0\nhigh = 2\n", "finite number"),
        ("../x", b"", "must be relative"),
        ("task.json", b"{}", "task.json was changed"),
        ("task.json", b"not json", "task.json was changed"),
    ],
)
def test_bad_files(door: Door, small: Files, path: str, content: bytes | None, said: str) -> None:
    small.pop(path, None)
    if content is not None:
        small[path] = content
    with pytest.raises(Refused, match=said) as caught:
        door(small, variants=({},))
    assert "\n" not in str(caught.value)


def test_copies_are_named(door: Door, small: Files) -> None:
    known = {workspace.tree_id(small): "0007", workspace.tree_id(workspace.with_values(small, {"raw.gain": 1})): "0009"}
    with pytest.raises(Refused, match="variant 1 is a copy of idea 0007"):
        door(seen=known)
    with pytest.raises(Refused, match="copy of idea 0009"):
        door(seen=known, variants=({"raw.gain": 1.0},))
    door(seen=known, variants=({"raw.gain": 1.1},))


def test_nothing_is_run(door: Door, small: Files, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    attack = f"open({str(marker)!r}, 'w')\nclass Policy: ...\n".encode()
    door(small | {"policy.py": attack, "sitecustomize.py": attack, "ast.py": attack, "json.py": attack}, variants=({},))
    assert not marker.exists()

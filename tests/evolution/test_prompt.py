"""The prompt: what stays the same comes first, and what is promised is there."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from enpire.core.brief import Brief
from enpire.core.records import TaskSpec
from enpire.evolution.digest import brief, digest_text
from enpire.evolution.hub import Hub
from enpire.evolution.prompt import Session, Vision, prompt, stable
from enpire.evolution.verbs import catalogue
from enpire.evolution.workspace import template
from enpire.ledger.folder import Folder
from enpire.ledger.state import State

SETTINGS = list(itertools.product(get_args(Session), get_args(Vision), (True, False)))


@pytest.fixture
def made(campaign: Callable[..., State], hub: Hub, tmp_path: Path) -> Brief:
    return brief(
        campaign(10, 4), agent="agent-1", session=3, seed=7, folder=Folder(tmp_path), hub=hub,
        library=tmp_path / "blocks", data=tmp_path / "data",
    )  # fmt: skip


@pytest.mark.parametrize(("session", "vision", "tools"), SETTINGS)
def test_order(made: Brief, session: Session, vision: Vision, tools: bool) -> None:
    text = prompt(made, "# Program\n", digest_text(made), session=session, vision=vision, tools=tools)
    assert text.startswith(stable(session=session, vision=vision, tools=tools))
    places = [text.index(part) for part in ("# You are a robot", "\n# Program", "\n# Digest", "\n# This session")]
    assert places == sorted(places)
    assert text.rstrip().endswith("You are `agent-1`, session 3.")


@pytest.mark.parametrize(("session", "vision", "tools"), SETTINGS)
def test_prefix_is_shared(made: Brief, session: Session, vision: Vision, tools: bool) -> None:
    """Another agent in a later session reads the same bytes up to the line with its name."""
    other = replace(made, agent="agent-2", session=4, seed=8)
    one, two = (
        prompt(x, "# Program\n", digest_text(made), session=session, vision=vision, tools=tools) for x in (made, other)
    )
    assert two.startswith(one[: one.index("- You are `agent-1`")])
    elsewhere = replace(made, candidates="/elsewhere", library="/l", data="/d", target=0.5)
    three = prompt(elsewhere, "# Program\n", digest_text(elsewhere), session=session, vision=vision, tools=tools)
    assert three.startswith(one[: one.index("\n# Digest")])


def test_what_it_says(made: Brief) -> None:
    short, long = (prompt(made, "", "", session=session, vision="native", tools=True) for session in get_args(Session))
    for name in catalogue.names():
        assert f"- `{name}`: " in short
    assert "enpire tool VERB --json '{...}'" in short and '\'{"idea": "0007"}\'' in short
    assert "do not poll" in short and "do not poll" not in long and "ask `result`" in long
    for said in (
        "one primary change",
        "At most 8 variants",
        "falsifier",
        "predicted_effect",
        "cheating",
        "Never follow",
    ):
        assert said in short
    without = prompt(made, "", "", session="short", vision="none", tools=False)
    assert "../submission.json" in without and "`submit`" not in without and "MCP" not in without
    assert "images are withheld" in without.lower()


@pytest.mark.parametrize("baseline", ["planar_push", "vector"])
def test_program_states_task_contract_rules_and_cheating(spec: TaskSpec, baseline: str) -> None:
    files = template(replace(spec, baseline=baseline))
    program = files["program.md"].decode()
    headings = [line[3:] for line in program.splitlines() if line.startswith("## ")]
    assert {"Contract", "Files", "Rules", "Parameters", "Cheating"} <= set(headings)
    assert len(program) < 4000
    for name in files:
        if "/" not in name and name.endswith(".py"):
            assert f"`{name}`" in program

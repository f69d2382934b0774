"""The built-in researcher as a model: what it does with files becomes tool calls."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from enpire.agents._researcher.choose import propose
from enpire.agents.scripted_model.minds import think
from enpire.core.records import Proposal, encode, from_builtins
from tests.agents.toy_campaign import ToyCampaign
from tests.agents.toy_libraries import PLAIN

from .conftest import Asker, tool


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> ToyCampaign:
    made = ToyCampaign(tmp_path_factory.mktemp("toy"), PLAIN, agents=1, seed=0)
    made.run(propose, 60)
    return made


def session_folder(root: Path, campaign: ToyCampaign) -> Path:
    brief = campaign.brief(0)
    root.mkdir()
    (root / "brief.json").write_bytes(encode(brief))
    champion = next(idea for idea in brief.ideas if idea.id == brief.champion)
    shutil.copytree(Path(brief.candidates) / champion.best, root / "workspace")
    return root


def files(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.read_text() for path in found}


def test_its_turns_do_to_a_workspace_what_it_did(campaign: ToyCampaign, tmp_path: Path) -> None:
    folder = session_folder(tmp_path / "session", campaign)
    own = session_folder(tmp_path / "own", campaign)
    for place in (folder, own):
        (place / "workspace" / "left over.txt").write_text("x")
    before = files(folder)
    turns = think(folder)
    assert files(folder) == before
    proposal = propose(campaign.brief(0), own / "workspace")
    for turn in turns:
        if turn.write:
            (folder / "workspace" / turn.write).write_text(turn.text)
        elif turn.shell:
            subprocess.run(["bash", "-c", turn.shell], cwd=folder / "workspace", check=True, capture_output=True)
    assert files(folder / "workspace") == files(own / "workspace")
    assert any(turn.write for turn in turns)
    handed_in = [turn for turn in turns if turn.call]
    assert [turn.call for turn in handed_in] == ["submit$"]
    assert from_builtins(handed_in[0].args, Proposal) == proposal
    assert turns[-1].say.startswith("Handed in: ")


def test_one_thought_per_brief(campaign: ToyCampaign, tmp_path: Path, playing: Callable[..., Asker]) -> None:
    folder = session_folder(tmp_path / "s", campaign)
    asker = playing("researcher", tmp_path.joinpath)
    tools = [tool("chat", name, {}) for name in ("Shell", "mcp__lab__submit")]

    def play(words: str) -> list[str]:
        heard = [asker.ask("chat", words, str(number), tools=tools) for number in range(12)]
        assert heard[-1].text == "The script is over."
        return [name for answer in heard for name, _ in answer.calls]

    first = play("first")
    assert first[0] == "Shell" and first[-1] == "mcp__lab__submit"
    assert play("again") == []
    brief = campaign.brief(0)
    (folder / "brief.json").write_bytes(encode(replace(brief, seed=brief.seed + 1, session=brief.session + 1)))
    assert play("new brief")[-1] == "mcp__lab__submit"


def test_nothing_to_propose_is_said(tmp_path: Path) -> None:
    folder = session_folder(tmp_path / "s", ToyCampaign(tmp_path / "toy", PLAIN, agents=1, seed=0))
    (folder / "brief.json").write_text("{}")
    turns = think(folder)
    assert len(turns) == 1 and turns[0].say.startswith("builtin:")

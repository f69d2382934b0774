"""Operations in the tools of different agents, and scripts that are refused."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enpire.agents.scripted_model import make_app
from enpire.agents.scripted_model.operations import MARK, NotOffered, call_for
from enpire.agents.scripted_model.script import LAST, Part, Role, Turn, part_for, read_script
from enpire.agents.scripted_model.wire import Request, Tool
from enpire.core.errors import BadInput

from .conftest import Asker

STRING = {"type": "string"}


def offered(*tools: Tool) -> Request:
    return Request(model="m", stream=True, tools=tools, text="", said="", images=0)


def function(name: str, *required: str, **properties: object) -> Tool:
    return Tool(name=name, schema={"properties": properties, "required": list(required)})


EXEC = Tool(name="exec", namespace="functions", form="text")


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        (function("exec_command", cmd=STRING), {"cmd": "ls"}),
        (function("shell", command={"type": "array"}), {"command": ["bash", "-lc", "ls"]}),
        (function("Bash", "command", "description", command=STRING, description=STRING), None),
        (function("Shell", command=STRING, run_in_background={"type": "boolean"}), None),
    ],
    ids=["exec_command", "shell", "Bash", "Shell"],
)
def test_a_command_in_many_forms(tool: Tool, arguments: object) -> None:
    call = call_for(Turn(shell="ls"), offered(function("Read"), tool), None, "1")
    assert call is not None and call.tool is tool and isinstance(call.arguments, dict)
    assert arguments is None or call.arguments == arguments
    assert set(tool.schema["required"]) <= set(call.arguments)
    assert "ls" in json.dumps(call.arguments)
    assert not call.arguments.get("run_in_background")


def test_a_command_where_tools_are_functions_of_a_program() -> None:
    call = call_for(Turn(shell='echo "a"'), offered(EXEC), None, "1")
    assert call is not None and isinstance(call.arguments, str)
    assert json.dumps({"cmd": 'echo "a"'}) in call.arguments and "exec_command" in call.arguments


def test_calls_by_pattern() -> None:
    tools = (function("mcp__lab__submit_later"), function("mcp__lab__submit"), EXEC)
    call = call_for(Turn(call="submit$", args={"a": 1}), offered(*tools), None, "1")
    assert call is not None and call.tool is tools[1] and call.arguments == {"a": 1}
    grouped = Tool(name="submit", namespace="mcp__lab")
    call = call_for(Turn(call=r"lab\.submit$"), offered(grouped), None, "1")
    assert call is not None and call.tool is grouped
    call = call_for(Turn(call="other$"), offered(*tools), None, "1")
    assert call is not None and call.tool is EXEC
    with pytest.raises(NotOffered, match="offered: mcp__lab__submit_later, mcp__lab__submit"):
        call_for(Turn(call="other$"), offered(*tools[:2]), None, "1")


def test_sub_agents_are_marked() -> None:
    tool = function("Agent", "prompt", "kind", prompt=STRING, kind={"enum": ["small", "large"]})
    call = call_for(Turn(spawn="look"), offered(tool), None, "1")
    assert call is not None and call.arguments == {"prompt": f"{MARK} look", "kind": "small"}


@pytest.mark.parametrize("place", ["file_path", "path"])
def test_new_files_go_through_the_edit_tool(tmp_path: Path, place: str) -> None:
    tools = (function("Bash", command=STRING), function("Write", **{place: STRING, "content": STRING}))
    turn = Turn(write="blocks/new.py", text="A = 1\n")
    call = call_for(turn, offered(*tools), tmp_path, "1")
    assert call is not None and call.arguments == {place: str(tmp_path / "blocks/new.py"), "content": "A = 1\n"}
    unknown = call_for(turn, offered(*tools), None, "1")
    assert unknown is not None and unknown.tool.name == "Bash"
    (tmp_path / "blocks").mkdir()
    (tmp_path / "blocks" / "new.py").touch()
    known = call_for(turn, offered(*tools), tmp_path, "1")
    assert known is not None and known.tool.name == "Bash"


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")))
@settings(max_examples=40, deadline=None)
def test_files_written_by_the_shell_are_exact(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("shell")
    call = call_for(Turn(write="a folder/it's.txt", text=text), offered(function("Bash", command=STRING)), None, "1")
    assert call is not None and isinstance(call.arguments, dict)
    subprocess.run(["bash", "-c", call.arguments["command"]], cwd=folder, check=True)
    assert (folder / "a folder" / "it's.txt").read_text() == text


@pytest.mark.parametrize("text", ["", "\n", "END_OF_FILE\n", "a\nEND_OF_FILE\nEND_OF_FILE_\n", "$HOME `x` \\\n", "%s"])
def test_files_with_traps(text: str, tmp_path: Path) -> None:
    call = call_for(Turn(write="f", text=text), offered(function("Bash", command=STRING)), None, "1")
    assert call is not None and isinstance(call.arguments, dict)
    subprocess.run(["bash", "-c", call.arguments["command"]], cwd=tmp_path, check=True)
    assert (tmp_path / "f").read_text() == text


# ---------------------------------------------------------------------------- scripts


def test_parts_by_who_asks() -> None:
    parts = tuple(
        Part(turn=(Turn(say=str(n)),), **conditions)
        for n, conditions in enumerate(
            [{"agent": "a", "session": 1}, {"agent": "a"}, {"session": 1}, {"name": "x"}, {}]
        )
    )

    def said(**role: object) -> str:
        return part_for(parts, Role(**{"name": "?"} | role)).at(0).say  # type: ignore[arg-type]

    assert said(agent="a", session=1) == "0"
    assert said(agent="a", session=2) == "1"
    assert said(agent="b", session=1) == "2"
    assert said(agent="b", session=2, name="x") == "3"
    assert said() == "4"
    assert part_for((), Role(name="x")).at(0) == LAST


def test_turns_that_last() -> None:
    part = Part(turn=(Turn(say="a", times=2), Turn(say="b"), Turn(say="c", times=0), Turn(say="never")))
    assert "".join(part.at(n).say for n in range(6)) == "aabccc"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[part]]\n[[part.turn]]\nsays = 'x'", "says"),
        ("[[part]]\n[[part.turn]]\nshell = 'x'\ncall = 'y'", "one of shell, write, call, spawn"),
        ("[[parts]]", "parts"),
        ("not toml", "not a script"),
        ("[[part]]\nsession = 'one'", "int"),
    ],
)
def test_broken_scripts_are_refused(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "script.toml"
    path.write_text(text)
    with pytest.raises(BadInput, match=complaint):
        read_script(path)


def test_missing_scripts_and_folders_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENPIRE_SCRIPTED_FOLDERS", raising=False)
    with pytest.raises(BadInput, match=r"nowhere\.toml is not a script"):
        make_app(str(tmp_path / "nowhere.toml"))
    with pytest.raises(BadInput, match="needs session folders"):
        make_app("researcher")
    monkeypatch.setenv("ENPIRE_SCRIPTED_FOLDERS", str(tmp_path))
    assert make_app("researcher")


def test_parts_by_the_brief_of_the_session(playing: Callable[..., Asker], tmp_path: Path) -> None:
    from enpire.core.records import encode
    from tests.agents.toy_campaign import ToyCampaign
    from tests.agents.toy_libraries import PLAIN

    campaign = ToyCampaign(tmp_path / "campaign", PLAIN, agents=1, seed=0)
    for name, agent in (("one", "agent-1"), ("two", "agent-2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "brief.json").write_bytes(encode(replace(campaign.brief(0), agent=agent, session=4)))
    script = (
        "[[part]]\nagent = 'agent-2'\nsession = 4\n[[part.turn]]\nsay = 'for two'\n[[part]]\n[[part.turn]]\nsay = '?'"
    )
    asker = playing(script, tmp_path.joinpath)
    assert [asker.ask("chat", "x", session=name).text for name in ("one", "two", "none")] == ["?", "for two", "?"]

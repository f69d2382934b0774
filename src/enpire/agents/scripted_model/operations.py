"""From "run this command" to a tool call in the words of one agent: names and forms differ by program and version."""

import json
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from enpire.agents.scripted_model.script import Turn
from enpire.agents.scripted_model.wire import Call, Request, Tool
from enpire.core.records import Json

MARK = "[scripted sub-agent]"
"""First words of a sub-agent's orders; requests that carry them as words of a user come from a sub-agent."""

_SHELLS = ("exec_command", "shell_command", "shell", "local_shell", "Bash", "Shell")
_SPAWNERS = ("spawn_agent", "Agent", "Task")


class NotOffered(LookupError):
    """The request offers no tool for this operation."""

    def __init__(self, what: str, request: Request) -> None:
        names = ", ".join(tool.full_name for tool in request.tools) or "none"
        super().__init__(f"no tool to {what}; offered: {names}")


def call_for(turn: Turn, request: Request, workspace: Path | None, id: str) -> Call | None:
    """The tool call of a turn in terms of what the request offers; None if the turn calls none.

    Args:
        workspace: Working directory of the agent, if known: edit tools want absolute paths.
        id: For the call.

    Raises:
        NotOffered: The request offers nothing that fits.
    """
    if turn.shell:
        return _shell(turn.shell, request, id)
    if turn.write:
        return _write(turn, request, workspace, id)
    if turn.call:
        tool = next((tool for tool in request.tools if re.search(turn.call, tool.full_name)), None)
        if tool is not None:
            return Call(id=id, tool=tool, arguments=turn.args)
        if exec_tool := _code_mode(request):
            return Call(id=id, tool=exec_tool, arguments=_javascript(turn.call, turn.args))
        raise NotOffered(f"call by the pattern {turn.call!r}", request)
    if turn.spawn:
        tool = _named(_SPAWNERS, request)
        if tool is None:
            raise NotOffered("spawn a sub-agent", request)
        words = f"{MARK} {turn.spawn}"
        return Call(id=id, tool=tool, arguments=_filled(tool, ("prompt", "message", "items"), words))
    return None


def _shell(command: str, request: Request, id: str) -> Call:
    tool = _named(_SHELLS, request)
    if tool is not None:
        return Call(id=id, tool=tool, arguments=_filled(tool, ("cmd", "command"), command))
    if exec_tool := _code_mode(request):
        return Call(id=id, tool=exec_tool, arguments=_javascript("^exec_command$", {"cmd": command}))
    raise NotOffered("run a command", request)


def _write(turn: Turn, request: Request, workspace: Path | None, id: str) -> Call:
    """The edit tool for a new file at a known place; else the shell, which can also write over a file."""
    tool = _named(("Write", "WriteFile"), request)
    if tool is None or workspace is None or (workspace / turn.write).exists():
        return _shell(_here_document(turn.write, turn.text), request, id)
    place = "file_path" if "file_path" in _properties(tool) else "path"
    return Call(id=id, tool=tool, arguments={place: str(workspace / turn.write), "content": turn.text})


def _here_document(path: str, text: str) -> str:
    """A command that writes a text file, its last line break as it is."""
    end = "END_OF_FILE"
    while end in text.splitlines():
        end += "_"
    quoted, folder = shlex.quote(path), shlex.quote(str(Path(path).parent))
    if text.endswith("\n") or not text:
        return f"mkdir -p {folder} && cat > {quoted} <<'{end}'\n{text}{end}\n"
    return f"mkdir -p {folder} && printf %s {shlex.quote(text)} > {quoted}"


def _filled(tool: Tool, names: tuple[str, ...], text: str) -> Json:
    """Arguments of a tool with the text in the first of `names` it has, and words for what else it requires."""
    properties = _properties(tool)
    name = next((n for n in names if n in properties), names[0])
    wants_list = properties.get(name, {}).get("type") == "array"
    arguments: Json = {name: ["bash", "-lc", text] if wants_list else text}
    for other in tool.schema.get("required", []):
        if other not in arguments:
            choices = properties.get(other, {}).get("enum")
            arguments[other] = choices[0] if choices else "scripted"
    if "run_in_background" in properties:
        arguments["run_in_background"] = False
    return arguments


def _properties(tool: Tool) -> Json:
    found: Json = tool.schema.get("properties") or {}
    return found


def _named(names: Iterable[str], request: Request) -> Tool | None:
    by_name = {tool.name: tool for tool in request.tools if tool.form == "function"}
    return next((by_name[name] for name in names if name in by_name), None)


def _code_mode(request: Request) -> Tool | None:
    """The tool that takes JavaScript, where an agent offers its tools as functions of one."""
    return next((tool for tool in request.tools if tool.form == "text" and tool.name == "exec"), None)


def _javascript(pattern: str, arguments: Json) -> str:
    """Program that calls the first function whose name has a match, and passes on what it returns."""
    return f"""\
const name = ALL_TOOLS.map((tool) => tool.name).find((name) => new RegExp({json.dumps(pattern)}).test(name));
const result = await tools[name]({json.dumps(arguments)});
if (!Array.isArray(result.content)) text(result.output ?? result);
else for (const part of result.content) part.type === "image" ? image(part) : text(part.text);
"""
